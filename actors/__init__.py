"""DECISIONS: long-lived actors for streams, rooms, sessions and view counters. No HTTP, SQL, sockets or frames."""
