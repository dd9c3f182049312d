"""The key directory: public keys of devices, for messages that only their members can read."""
