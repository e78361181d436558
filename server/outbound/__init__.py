"""What leaves the server on a person's behalf."""
