"""Load for a server of one's own: publishers, sockets, HLS players and WebRTC viewers that check what comes.

Everything goes through the public API, RTMP, Socket.IO, HLS and WHEP, as any client's would.
"""

from server.load_test.options import Load, load_of
from server.load_test.run import run_load

__all__ = ["Load", "load_of", "run_load"]
