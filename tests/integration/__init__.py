"""Real servers on free ports, real Redis and PostgreSQL, real clients."""
