"""The sockets that a node listens on, bound before anything else is started, so that a taken port costs nothing."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping

from server.config import Settings


class CannotStart(Exception):
    """Why the server does not start and what to do, in one line."""


class Ports:
    """The bound sockets; ``inside`` is for the cluster's other nodes. Bound before anything is started, so that a
    taken port costs nothing."""

    def __init__(
        self, settings: Settings, *, http: socket.socket | None = None, rtmp: socket.socket | None = None
    ) -> None:
        self.http = http or _bind(settings.http_host, settings.http_port, "http_port")
        self.rtmp = rtmp or _bind(settings.rtmp_host, settings.rtmp_port, "rtmp_port")
        self.inside = _bind(settings.node_host, settings.node_port, "node_port")
        _probe_udp(settings.webrtc_port)

    @classmethod
    def inherited(cls, settings: Settings, numbers: Mapping[str, int]) -> Ports:
        """Those that a parent process has bound, by the numbers of their descriptors."""
        http, rtmp = (socket.socket(fileno=numbers[name]) for name in ("http", "rtmp"))
        return cls(settings, http=http, rtmp=rtmp)

    @property
    def http_port(self) -> int:
        return int(self.http.getsockname()[1])

    @property
    def rtmp_port(self) -> int:
        return int(self.rtmp.getsockname()[1])

    def close(self) -> None:
        self.http.close()
        self.rtmp.close()
        self.inside.close()


def _bind(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        flag = setting.replace("_", "-")
        raise CannotStart(
            f"port {port} on {host} cannot be used ({os.strerror(error.errno or 0)}): stop what listens there, "
            f"or choose another one with --{flag}"
        ) from None
    sock.setblocking(False)
    return sock


def _probe_udp(port: int) -> None:
    """The media process binds WebRTC's port itself; the node checks that it is free, to fail with a clear error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"UDP port {port} cannot be used ({os.strerror(error.errno or 0)}): stop what listens there, or choose "
                "another one with --webrtc-port"
            ) from None


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Of ``tls_cert`` and ``tls_key``; None without them. ``CannotStart`` when they cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"tls_cert and tls_key cannot be used: {error}") from None
    return context
