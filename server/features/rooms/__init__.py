"""What people do together in the room of a stream."""
