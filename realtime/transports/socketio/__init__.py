"""The Socket.IO wire (protocol version 5) on the sessions of the core."""
