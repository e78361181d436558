"""One Socket.IO connection, from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl as tls
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

from socialflow_client.errors import ConnectionLost, Refused

CONNECT_S: Final = 10.0
CLOSE_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 16 << 20

OnEvent = Callable[[str, dict[str, Any]], None]
Then = Callable[[dict[str, Any]], None]


class Connection:
    """Opened once and not again. ``on_event`` is called in the order in which the server sent.

    It brings its own HTTP session, so that closing it leaves no socket behind, however the handshake ended.
    """

    def __init__(self, *, url: str, ssl: tls.SSLContext | bool, on_event: OnEvent) -> None:
        self._url = url
        self._ssl = ssl
        self._on_event = on_event
        self._unanswered: set[asyncio.Future[dict[str, Any]]] = set()
        self._refusal: Any = None
        self._ending: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    async def open(self, token: str | None) -> None:
        """Raises ``Refused`` when the server answers no to the handshake, and ``ConnectionLost``."""
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._ssl))
        options = {"max_msg_size": MAX_MESSAGE_BYTES}
        self._client = socketio.AsyncClient(
            reconnection=False, http_session=self._http, handle_sigint=False, websocket_extra_options=options
        )
        self._client.on("*", self._receive)
        self._client.on("connect_error", self._refused)
        self._client.on("disconnect", self._end)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._client.connect(
                    self._url,
                    auth={"token": token} if token is not None else {},
                    transports=["websocket"],
                    wait_timeout=CONNECT_S,
                )
        except (SocketIOError, aiohttp.ClientError, OSError, ValueError, TypeError) as error:
            # A close in place of the first packet is a TypeError of engineio's.
            raise self._reason(error) from error

    def end_in(self, seconds: float) -> None:
        """``ended`` is set by then."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().call_later(seconds, self._end)

    async def close(self) -> None:
        """Ends it and all that belongs to it; calls that wait raise ``ConnectionLost``."""
        self._end()
        if self._ending is not None:
            self._ending.cancel()
        if not hasattr(self, "_http"):
            return
        with contextlib.suppress(TimeoutError, SocketIOError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(CLOSE_S):
                await self._client.disconnect()
        await self._http.close()

    async def call(self, event: str, body: dict[str, Any], *, then: Then | None = None) -> dict[str, Any]:
        """The acknowledgement. ``then`` is called with it in the turn in which it arrives, before any later event.

        Raises ``Refused`` and ``ConnectionLost``; waits as long as the connection stands.
        """
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def acknowledge(answer: dict[str, Any]) -> None:
            if answered.done():
                return
            if then is not None and answer.get("ok"):
                then(answer)
            answered.set_result(answer)

        if self.ended.is_set():
            raise ConnectionLost("the connection has ended")
        self._unanswered.add(answered)
        try:
            await self._client.emit(event, body, callback=acknowledge)
            answer = await answered
        except (SocketIOError, aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(str(error)) from error
        finally:
            self._unanswered.discard(answered)
            if not answered.cancel() and not answered.cancelled():
                answered.exception()  # it was noticed, even if the caller was cancelled in the same turn
        if not answer.get("ok"):
            raise refusal_of(answer.get("error") or {})
        return answer

    def _receive(self, event: str, body: Any = None, *_: Any) -> None:
        if isinstance(body, dict):
            self._on_event(event, body)

    def _refused(self, data: Any = None, *_: Any) -> None:
        self._refusal = data

    def _end(self, *_: Any) -> None:
        self.ended.set()
        for answered in self._unanswered:
            if not answered.done():
                answered.set_exception(ConnectionLost("the connection was lost before the answer"))

    def _reason(self, error: Exception) -> Refused | ConnectionLost:
        told = self._refusal if isinstance(self._refusal, dict) else {}
        code = told.get("data", {}).get("code") if isinstance(told.get("data"), dict) else None
        if code:
            return Refused(code, told.get("message") or "The connection was refused.")
        return ConnectionLost(str(error) or type(error).__name__)


def refusal_of(error: dict[str, Any]) -> Refused:
    wait_ms = error.get("retry_after_ms")
    return Refused(
        str(error.get("code", "")),
        str(error.get("message", "")),
        field=error.get("field"),
        retry_after_s=None if wait_ms is None else wait_ms / 1000,
    )
