"""Rooms beside the streams, each of which a setting switches off: a market, help, well-being, offers of a place."""
