"""BYTES: ingest, relay, packaging and transcoding of live media. Imports nothing of actors, storage or server."""
