"""The families of Socket.IO clients: a table for each, from the canonical protocol to what it says."""
