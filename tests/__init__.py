"""The tests. Their folders mirror the packages of the project, name for name."""
