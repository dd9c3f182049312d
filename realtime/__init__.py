"""The real-time core. It has never heard of any domain app."""
