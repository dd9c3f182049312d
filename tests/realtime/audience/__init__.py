"""Who listens where."""
