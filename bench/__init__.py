"""Measuring the server: CPU for each delivery, latency, memory for each connection."""
