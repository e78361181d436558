"""Streams that this server fetches from other servers and publishes as if an encoder had sent them."""
