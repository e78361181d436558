"""Life on a running server, for a newcomer to look at: people, streams, a moving picture and a talkative chat.

Everything goes through the public API, RTMP and Socket.IO, as any client's would.
"""

from server.demo.show import run_demo

__all__ = ["run_demo"]
