"""Fingerprints of sound and pictures: what finds an excerpt again in a work although it was changed. Sans-I/O."""
