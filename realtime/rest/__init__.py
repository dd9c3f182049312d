"""REST beside the socket: the same names, the same errors, the same limits. Knows no domain."""
