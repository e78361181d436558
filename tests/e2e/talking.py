"""A Socket.IO client (python-socketio) that keeps what it was told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import socketio
import socketio.exceptions

from server.describe import features
from server.live.events import (
    Done,
    Joined,
    ModeSet,
    PageOfMessages,
    PresentPeople,
    Sent,
    Watched,
)

ACK_S = 30.0


BODIES = {event.name: event.body for feature in features() for event in feature.sent}
ACKS: dict[str, type[msgspec.Struct]] = {
    "stream:watch": Watched,
    "stream:unwatch": Done,
    "stream:heartbeat": Done,
    "stream:react": Done,
    "chat:join": Joined,
    "chat:leave": Done,
    "chat:send": Sent,
    "chat:history": PageOfMessages,
    "chat:mode": ModeSet,
    "presence:list": PresentPeople,
    **dict.fromkeys(("chat:delete", "chat:pin", "chat:timeout", "chat:ban", "chat:unban"), Done),
    **{
        event.name: event.ack
        for feature in features()
        for event in feature.events
        if event.name.startswith(("call:", "doc:"))
    },
}


def misshapen(shapes: Mapping[str, type[msgspec.Struct]], event: str, body: Any) -> list[str]:
    """What is wrong with a body, by the shapes that ``/asyncapi.json`` tells."""
    shape = shapes.get(event)
    if shape is None:
        return [f"{event} is not documented"] if event.partition(":")[2] else []
    try:
        msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        return [f"{event}: {error}: {body}"]
    return []


class Talker:
    """One socket. ``heard[event]`` lists the bodies in the order of arrival."""

    def __init__(self, url: str, token: str | None = None, *, path: str = "/socket.io/", **options: Any) -> None:
        self.url = url
        self.token = token
        self.path = path
        self.client = socketio.AsyncClient(reconnection=False, **options)
        self.heard: defaultdict[str, list[Any]] = defaultdict(list)
        self.order: list[tuple[str, Any]] = []
        self.misshapen: list[str] = []
        self.ended = asyncio.Event()
        self.refused: Any = None
        self._changed = asyncio.Event()
        self.client.on("*", self._receive)
        self.client.on("disconnect", self._end)
        self.client.on("connect_error", self._refuse)

    async def open(self, *, transport: str = "websocket") -> Talker:
        auth = {"token": self.token} if self.token is not None else None
        await self.client.connect(self.url, auth=auth, transports=[transport], socketio_path=self.path, wait_timeout=30)
        return self

    async def close(self) -> None:
        assert not self.misshapen, self.misshapen
        await self.client.disconnect()
        # The client library leaves its HTTP session open for another connection.
        if self.client.eio.http is not None and not self.client.eio.http.closed:
            await self.client.eio.http.close()

    async def ask(self, event: str, body: Any = None, *, within_s: float = ACK_S) -> dict[str, Any]:
        """The acknowledgement."""
        answer = await self.client.call(event, body, timeout=within_s)
        assert isinstance(answer, dict), answer
        if answer.get("ok") is True:
            assert not misshapen(ACKS, event, answer)
        return answer

    async def ok(self, event: str, body: Any = None) -> dict[str, Any]:
        answer = await self.ask(event, body)
        assert answer.get("ok") is True, f"{event}: {answer}"
        return answer

    async def no(self, event: str, body: Any = None) -> dict[str, Any]:
        """The error of an event that must be refused."""
        answer = await self.ask(event, body)
        assert answer.get("ok") is False, f"{event}: {answer}"
        error: dict[str, Any] = answer["error"]
        assert error["code"], error
        assert error["message"], error
        return error

    async def said(self, check: Callable[[], Any], *, within_s: float = 30.0, what: str = "an event") -> Any:
        """Wait until what was heard satisfies ``check``; its answer."""
        try:
            async with asyncio.timeout(within_s):
                while not (answer := check()):
                    self._changed.clear()
                    await self._changed.wait()
                return answer
        except TimeoutError:
            raise AssertionError(f"{what} was not heard within {within_s} s; heard: {dict(self.heard)}") from None

    async def event(self, name: str, check: Callable[[Any], Any] = lambda body: True, *, within_s: float = 30.0) -> Any:
        """The first ``name`` whose body satisfies ``check``."""

        def found() -> Any:
            return next((body for body in self.heard[name] if check(body)), None)

        return await self.said(found, within_s=within_s, what=name)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every chat message that came as an event, in order."""
        return [message for body in self.heard["chat:messages"] for message in body["messages"]]

    def _receive(self, event: str, *args: Any) -> None:
        self.misshapen += misshapen(BODIES, event, args[0] if args else None)
        self.heard[event].append(args[0] if args else None)
        self.order.append((event, args[0] if args else None))
        self._changed.set()

    def _end(self, *_: Any) -> None:
        self.ended.set()
        self._changed.set()

    def _refuse(self, reason: Any = None) -> None:
        self.refused = reason


@asynccontextmanager
async def talker(
    url: str, token: str | None = None, *, transport: str = "websocket", **options: Any
) -> AsyncIterator[Talker]:
    """A connected socket for the time of a block."""
    socket = Talker(url, token, **options)
    try:
        yield await socket.open(transport=transport)
    finally:
        await socket.close()
