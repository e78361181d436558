"""The live edge: Engine.IO v4 and Socket.IO v5 on one port with HTTP, and the fan-out to many sockets."""

from server.live.edge.admission import reconnect_delays_ms
from server.live.edge.application import Application, ConnectRefused
from server.live.edge.endpoint import Edge
from server.live.edge.fanout import Fanout
from server.live.edge.limits import EdgeLimits
from server.live.edge.nodes import address_in, tag_of
from server.live.edge.packet import Attachment, Parser
from server.live.edge.pending_ack import PendingAck
from server.live.edge.socket import AskFailed, Socket

__all__ = [
    "Application",
    "AskFailed",
    "Attachment",
    "ConnectRefused",
    "Edge",
    "EdgeLimits",
    "Fanout",
    "Parser",
    "PendingAck",
    "Socket",
    "address_in",
    "reconnect_delays_ms",
    "tag_of",
]
