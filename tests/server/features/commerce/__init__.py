"""Advertising."""
