"""The demonstration: a page to log in and talk, its demo data, and the command that runs it all."""
