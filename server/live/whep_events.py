"""``/whep/sessions/{session}/sse``: what a viewer over WebRTC is told while they watch.

The extension ``urn:ietf:params:whep:ext:core:server-sent-events`` of WHEP: a POST names events, and what it answers
with is the address of an event stream. That needs no token, as an ``EventSource`` sends none: a client that knows the
session's address, 128 random bits, may listen, and the stream of events ends with the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec
from aiohttp import web
from pydantic import Field, RootModel

from actors.events import StreamView
from actors.runtime import DomainError
from media.control import LayersRead, ReadLayers
from media.webrtc.quality import SOURCE
from server.http.errors import Problem
from server.http.operation import Answer, Call, MediaType, Operation
from server.http.shapes import Query
from server.live.node_actor import LayersHere
from server.live.webrtc_session import WHEP_SESSION
from server.live.whep_layers import At, session_of

EVENTS_REL: Final = "urn:ietf:params:whep:ext:core:server-sent-events"
EventName = Literal["active", "inactive", "layers", "viewercount", "reconnect"]
NAMES: Final[tuple[EventName, ...]] = ("active", "inactive", "layers", "viewercount", "reconnect")
LOOK_EVERY_S: Final = 2.0
#: Looks without news after which a comment shows that the connection is there.
QUIET_LOOKS: Final = 7
MAX_LISTENERS: Final = 1_000
RETRY_AFTER_S: Final = 5.0
TYPE: Final = "text/event-stream"


class EventsBody(RootModel[Annotated[list[EventName], Field(min_length=1, max_length=len(NAMES))]]):
    """The names of the events that are wanted."""


class EventsQuery(Query):
    events: Annotated[str, Field(max_length=80, description="Names with commas between them; without it all")] = ""


class LiveStreams(Protocol):
    async def latest(self, stream_id: str) -> StreamView:
        """The stream with its counts, without a look at rights. Raises ``DomainError``, ``Unavailable``."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to tell at one moment. ``layers`` has the event's data."""

    is_active: bool
    viewers: int
    layers: dict[str, Any]


def news(before: Seen | None, now: Seen) -> Iterator[tuple[EventName, dict[str, Any]]]:
    """What has changed, as events with their data; all of it at first."""
    if before is None or before.is_active != now.is_active:
        yield "active" if now.is_active else "inactive", {}
    if before is None or before.viewers != now.viewers:
        yield "viewercount", {"viewercount": now.viewers}
    if before is None or before.layers != now.layers:
        yield "layers", now.layers


def encoded(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


class EventRoutes:
    """One stream of events a session on this node: another one takes its place."""

    def __init__(self, *, at: At, streams: LiveStreams, look_every_s: float = LOOK_EVERY_S) -> None:
        self._at = at
        self._streams = streams
        self._look_every_s = look_every_s
        self._replaced: dict[str, asyncio.Event] = {}

    def operations(self) -> Sequence[Operation]:
        path = "/whep/sessions/{session}/sse"
        common: dict[str, Any] = {"tag": "webrtc", "paths": {"session": WHEP_SESSION}}
        return [
            Operation(
                method="POST", path=path, handler=self._subscribe, name="whepSubscribe", body=EventsBody,
                summary="Name the events to be told of; `Location` is where they come", answers={201: None},
                auth="optional", problems=frozenset({401, 403, 404, 422, 503}), **common,
            ),
            Operation(
                method="GET", path=path + "/event-stream", handler=self._listen, name="whepEvents", query=EventsQuery,
                summary="Server-sent events until the session ends",
                answers={200: MediaType(media_type=TYPE, description="One event a line pair")},
                problems=frozenset({404, 422, 503}), **common,
            ),
        ]  # fmt: skip

    async def _subscribe(self, call: Call[EventsBody, None]) -> Answer:
        session = session_of(call)
        await self._seen(session)
        names = ",".join(sorted(set(call.body.root)))
        address = f"/whep/sessions/{session}/sse/event-stream?events={names}"
        headers = {"Location": address, "Access-Control-Expose-Headers": "Location", "Cache-Control": "no-store"}
        return Answer(201, headers=headers)

    async def _listen(self, call: Call[None, EventsQuery]) -> web.StreamResponse:
        session = call.path["session"]
        wanted = _wanted(call.query.events)
        if session not in self._replaced and len(self._replaced) >= MAX_LISTENERS:
            raise Problem(503, "Too many listen to events here", retry_after_s=RETRY_AFTER_S)
        first = await self._seen(session)
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        response.content_type = TYPE
        await response.prepare(call.request)
        with _Place(self._replaced, session) as replaced:
            await self._tell(session, wanted, first, response, replaced)
        await response.write_eof()
        return response

    async def _tell(
        self, session: str, wanted: frozenset[str], first: Seen, response: web.StreamResponse, replaced: asyncio.Event
    ) -> None:
        """Until the session has gone, another one listens in its place, or the connection breaks."""
        before: Seen | None = None
        now: Seen | None = first
        quiet = 0
        while now is not None:
            said = b"".join(encoded(name, data) for name, data in news(before, now) if name in wanted)
            quiet = 0 if said else quiet + 1
            if said or quiet % QUIET_LOOKS == 0:
                await response.write(said or b": still here\n\n")
            before = now
            if await _comes(replaced, self._look_every_s):
                return
            now = await self._seen_again(session, before)
        if before is not None and before.is_active and "reconnect" in wanted:
            await response.write(encoded("reconnect", {}))

    async def _seen_again(self, session: str, before: Seen) -> Seen | None:
        """None when the session has gone; as before while nobody can say."""
        try:
            return await self._seen(session)
        except Problem as problem:
            return None if problem.status == 404 else before
        except DomainError as error:
            return None if error.code == "not_found" else before

    async def _seen(self, session: str) -> Seen:
        """Raises a 404 without such a session, a 503 while its media process is away."""
        outcome = await self._at(session, LayersHere(asked=ReadLayers(resource_id=session)))
        if outcome.layers is None or not outcome.stream_id:
            raise Problem(503, "The media process gave no answer", retry_after_s=1.0)
        view = await self._streams.latest(outcome.stream_id)
        return Seen(is_active=view.state == "live", viewers=view.viewers, layers=layers_data(outcome.layers))


class _Place:
    """The one listener of a session: entering ends the one before."""

    def __init__(self, places: dict[str, asyncio.Event], session: str) -> None:
        self._places = places
        self._session = session
        self._mine = asyncio.Event()

    def __enter__(self) -> asyncio.Event:
        before = self._places.get(self._session)
        if before is not None:
            before.set()
        self._places[self._session] = self._mine
        return self._mine

    def __exit__(self, *_: object) -> None:
        if self._places.get(self._session) is self._mine:
            del self._places[self._session]


async def _comes(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def layers_data(read: LayersRead) -> dict[str, Any]:
    """By track, of which there is one of pictures: the encoding that is sent, and those that can be."""
    others: list[dict[str, Any]] = [
        {"id": name, "width": width, "height": height, "bitrate": bitrate}
        for name, width, height, bitrate in read.layers
        if name != SOURCE
    ]
    encodings: list[dict[str, Any]] = [{"id": SOURCE}, *others]
    active = [encoding for encoding in encodings if encoding["id"] == read.shown]
    inactive = [encoding for encoding in encodings if encoding["id"] != read.shown]
    return {"0": {"active": active, "inactive": inactive, "layers": [{"encodingId": e["id"]} for e in encodings]}}


def _wanted(names: str) -> frozenset[str]:
    """Raises a 422 for a name that is no event's."""
    wanted = frozenset(names.split(",")) if names else frozenset(NAMES)
    if not wanted <= frozenset(NAMES):
        raise Problem(422, f"Events are {', '.join(NAMES)}", slug="no-such-event")
    return wanted


def events_link(session: str) -> str:
    """The value of a ``Link`` header."""
    return f'</whep/sessions/{session}/sse>; rel="{EVENTS_REL}"; events="{",".join(NAMES)}"'
