"""A deadline for the head of a connection's first request, so that who sends nothing holds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

_END: Final = b"\r\n\r\n"


class _AwaitingHead(asyncio.Protocol):
    """Stands before ``inner`` until the first head is complete, then leaves the connection to it."""

    def __init__(self, *, inner: asyncio.Protocol, head_s: float) -> None:
        self._inner = inner
        self._head_s = head_s
        self._tail = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(self._head_s, self._transport.abort)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._tail += data
        if _END in self._tail:
            self._leave()
        else:
            self._tail = self._tail[-len(_END) + 1 :]
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_timer()
        self._inner.connection_lost(error)

    def _leave(self) -> None:
        self._stop_timer()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.set_protocol(self._inner)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def with_head_deadline(
    connections: Callable[[], asyncio.Protocol], *, head_s: float = 10.0
) -> Callable[[], asyncio.Protocol]:
    """For ``loop.create_server``: ``connections`` (aiohttp's ``runner.server``), each of which is cut off unless the
    head of its first request is complete within ``head_s`` seconds. The keep-alive timeout bounds later requests.
    """
    return lambda: _AwaitingHead(inner=connections(), head_s=head_s)
