"""The traps of the stock stack and the promises on bad days, shown from outside: see docs/reliability.md."""
