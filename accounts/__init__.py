"""Who the users are: accounts, tokens, profiles, blocks."""
