"""The client of one server, for one person or a guest."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import ssl as tls
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self

from socialflow_client.connection import Connection
from socialflow_client.errors import ClientClosed
from socialflow_client.events import Events
from socialflow_client.feed import Feed
from socialflow_client.link import Link
from socialflow_client.rest import Rest
from socialflow_client.room import Room
from socialflow_client.shapes import Clip, CreatedStream, Poll, Stream, shaped
from socialflow_client.tokens import PasswordLogin, Renew, Tokens


class Client:
    """``async with Client(url, token=…) as client``. It connects when it is first needed, and reconnects by itself.

    ``token``: an API token, an access token, or an async function that answers one: it is called at first and whenever
    the last one is no longer taken. Without it, a guest, who reads. ``ssl``: as aiohttp takes it.
    """

    def __init__(self, url: str, *, token: str | Renew | None = None, ssl: tls.SSLContext | bool = True) -> None:
        url = url.rstrip("/")
        self._tokens = Tokens(token)
        self._rest = Rest(url=url, tokens=self._tokens, ssl=ssl)
        self._link = Link(url=url, tokens=self._tokens, ssl=ssl, on_event=self._receive, on_change=self._changed)
        self._rooms: dict[Room, Feed] = {}
        self._listeners: set[Events] = set()
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    @classmethod
    def login(
        cls, url: str, login: str, password: str, *, totp: str | None = None, ssl: tls.SSLContext | bool = True
    ) -> Self:
        """By user name or address, and password; the tokens are renewed by themselves."""
        client = cls(url, ssl=ssl)
        client._tokens.renew_by(PasswordLogin(login=login, password=password, totp=totp, post=client._post_unsigned))
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all of it: iterations end, what waits raises ``ClientClosed``."""
        closed = ClientClosed("the client was closed")
        await asyncio.gather(*(feed.end(closed) for feed in self._rooms.values()))
        await self._link.close()
        await self._rest.close()

    # -- rooms

    async def watch(self, stream_id: str, *, limit: int = 1000, deadline_s: float = 30.0) -> Room:
        """The chat of a stream, counted among its viewers. ``limit``: how many messages may wait to be read.

        Raises ``Refused`` (``not_found``), ``SignInRequired``, ``DeadlineExceeded``.
        """
        return await self._enter("", stream_id, limit, deadline_s)

    async def join(self, room_id: str, *, limit: int = 1000, deadline_s: float = 30.0) -> Room:
        """A room by its own id, without watching."""
        return await self._enter(room_id, None, limit, deadline_s)

    async def _enter(self, room_id: str, stream_id: str | None, limit: int, deadline_s: float) -> Room:
        if limit < 1:
            raise ValueError("limit: at least 1")
        feed = Feed(link=self._link, own=self, room_id=room_id, stream_id=stream_id, limit=limit)
        room = Room(link=self._link, client=self, feed=feed)
        self._rooms[room] = feed
        try:
            await feed.open(deadline_s=deadline_s)
        except BaseException:
            self.forget(room)
            await feed.end(ClientClosed("the room was not entered"))
            raise
        return room

    def events(self, *names: str, limit: int = 1000) -> Events:
        """Events of all kinds, as ``notification``; all without names. See ``Room.events``."""
        return Events(wanted=lambda event, body: not names or event in names, listeners=self._listeners, limit=limit)

    async def ask(self, event: str, body: dict[str, Any], *, deadline_s: float = 30.0) -> dict[str, Any]:
        """Any event of the server's ``/asyncapi.json``, asked again until it is acknowledged: for what may be."""
        return await self._link.ask(event, body, deadline_s=deadline_s)

    # -- REST

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Any call below ``/api/v1``: the answer's document. ``options``: ``query``, ``deadline_s``."""
        return await self._rest.call(method, path, body, **options)

    async def streams(
        self, *, state: str = "live", category: str | None = None, q: str | None = None, owner: str | None = None
    ) -> AsyncIterator[Stream]:
        """All of them, page by page, the most watched first while live."""
        query: dict[str, str | int] = {"state": state, "limit": 100}
        query.update({name: value for name, value in (("category", category), ("q", q), ("owner", owner)) if value})
        while True:
            page = await self.call("GET", "/streams", query=query)
            for one in page["items"]:
                yield shaped(Stream, one)
            if not page["next"]:
                return
            query["cursor"] = page["next"]

    async def stream(self, stream_id: str) -> Stream:
        return shaped(Stream, await self.call("GET", f"/streams/{stream_id}"))

    async def create_stream(self, title: str, **more: Any) -> CreatedStream:
        """``more``: ``description``, ``category``, ``tags``, ``scheduled_at`` and what else ``POST /streams`` takes."""
        return shaped(CreatedStream, await self.call("POST", "/streams", {"title": title, **more}))

    async def end_stream(self, stream_id: str) -> None:
        await self.call("POST", f"/streams/{stream_id}/end")

    async def polls(self, stream_id: str) -> list[Poll]:
        page = await self.call("GET", f"/streams/{stream_id}/polls", query={"limit": 100})
        return [shaped(Poll, one) for one in page["items"]]

    async def clip(
        self, stream_id: str, seconds: float, *, end_ms: int | None = None, title: str | None = None
    ) -> Clip:
        """The last ``seconds``, or those before ``end_ms`` of media time."""
        given = {name: value for name, value in (("end_ms", end_ms), ("title", title)) if value is not None}
        answer = await self.call("POST", f"/streams/{stream_id}/clips", {"seconds": seconds, **given})
        return shaped(Clip, answer["clip"])

    async def _post_unsigned(self, path: str, body: Any) -> Any:
        return await self._rest.call("POST", path, body, is_signed=False)

    # -- for rooms

    def new_client_id(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def is_own(self, client_id: str | None) -> bool:
        return client_id is not None and client_id.startswith(f"{self._prefix}-")

    def forget(self, room: Room) -> bool:
        """Whether no other room of this client needs what the server sends of it."""
        self._rooms.pop(room, None)
        return all(other.id != room.id for other in self._rooms)

    def events_of(self, room_id: str, stream_id: str | None, names: Sequence[str], limit: int) -> Events:
        def is_wanted(event: str, body: dict[str, Any]) -> bool:
            is_here = body.get("room_id") == room_id or (stream_id is not None and stream_id in _streams_of(body))
            return is_here and (not names or event in names)

        return Events(wanted=is_wanted, listeners=self._listeners, limit=limit)

    def _receive(self, event: str, body: dict[str, Any]) -> None:
        for feed in list(self._rooms.values()):
            feed.receive(event, body)
        for listener in list(self._listeners):
            listener.receive(event, body)

    def _changed(self, connection: Connection | None) -> None:
        for feed in list(self._rooms.values()):
            feed.connection_changed(connection, self._link.failure)
        if self._link.failure is not None:
            for listener in list(self._listeners):
                listener.end(self._link.failure)


def _streams_of(body: dict[str, Any]) -> tuple[Any, Any]:
    """Events name their stream ``stream_id``; ``stream:state`` is the stream itself."""
    return body.get("stream_id"), body.get("id")
