"""Engine.IO version 4: one session over HTTP polling, a WebSocket, or the one and then the other."""
