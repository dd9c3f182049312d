"""The wires: pure codecs, and the consumers, the only code that touches a socket."""
