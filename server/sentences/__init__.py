"""Vectors of sentences, made by a process beside the event loop."""
