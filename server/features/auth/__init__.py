"""Accounts: who people are to the server, how they prove it, and the sessions that come of it."""
