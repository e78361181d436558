"""Rooms by which people find what they did not know of."""
