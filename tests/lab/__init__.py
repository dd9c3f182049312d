"""An app for the tests of the core: what a team's own app could be, with some mischief."""
