"""Connections to RTMP addresses that people give."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from media.restream.connection import Streams, Trouble
from media.rtmp.client import RtmpAddress
from server.outbound.public_addresses import NotPublic, PublicAddresses

CONNECT_S: Final = 5.0
TLS_S: Final = 10.0


class RtmpTargets:
    """``media.restream.connection.Connect``: opens connections to public addresses only, as ``addresses`` has it."""

    def __init__(self, *, addresses: PublicAddresses) -> None:
        self._addresses = addresses
        self._tls = ssl.create_default_context()

    async def connect(self, address: RtmpAddress) -> Streams:
        """Raises ``Trouble`` for an address that is not public, ``OSError`` or ``TimeoutError``."""
        try:
            sock = await self._addresses.connect(address.host, address.port, timeout_s=CONNECT_S)
        except NotPublic:
            raise Trouble("not_public", is_refusal=True) from None
        try:
            if not address.is_tls:
                return await asyncio.open_connection(sock=sock)
            return await asyncio.open_connection(
                sock=sock, ssl=self._tls, server_hostname=address.host, ssl_handshake_timeout=TLS_S
            )
        except BaseException:
            sock.close()
            raise
