"""A UDP path that loses some of the media on purpose."""

from __future__ import annotations

import asyncio
import re
from typing import cast


class LossyPath(asyncio.DatagramProtocol):
    """Stands between one peer and the port. Every ``every``-th RTP packet is lost; nothing else is."""

    def __init__(self, *, every: int) -> None:
        self.lost = 0
        self.is_cut = False
        self._every = every
        self._count = 0
        self._peer: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, *, every: int) -> LossyPath:
        made = cls(every=every)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def answer(self, text: str) -> str:
        """The answer with this path as its only candidate."""
        found = re.search(r"a=candidate:.* 127\.0\.0\.1 (\d+) typ host", text)
        assert found is not None
        assert self._transport is not None
        self._server = ("127.0.0.1", int(found[1]))
        port = self._transport.get_extra_info("sockname")[1]
        return re.sub(r"(a=candidate:\d+ 1 udp \d+) .* \d+ typ host\r\n", "", text).replace(
            "a=end-of-candidates", f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\na=end-of-candidates"
        )

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address != self._server:
            self._peer = address
        to = self._peer if address == self._server else self._server
        if to is None or self.is_cut or self._is_lost(data):
            return
        assert self._transport is not None
        self._transport.sendto(data, to)

    def _is_lost(self, data: bytes) -> bool:
        if not 127 < data[0] < 192 or 192 <= data[1] <= 223:
            return False
        self._count += 1
        is_lost = self._count % self._every == 0
        self.lost += is_lost
        return is_lost
