"""The live edge: Engine.IO v4 and Socket.IO v5 on one port with HTTP, and the fan-out to many sockets."""
