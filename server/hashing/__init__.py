"""Hashes that are slow on purpose (argon2id), and the process that computes them beside the event loop."""
