"""Server-sent events of a WHEP session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from actors.events import StreamView
from media.control import LayersRead
from server.http.errors import not_found
from server.live.node_actor import LayersHere, MediaOutcome
from server.live.whep_events import NAMES, EventRoutes, Seen, encoded, news
from tests.server.live.test_whip import STREAM, VIEW

SESSION = "whep-" + "0123456789abcdef" * 2 + ".n1"
EVENTS = f"/whep/sessions/{SESSION}/sse"
LAYERS = LayersRead(shown="source", chosen=None, layers=(("360p", 640, 360, 500_000),))
LAYERS_DATA = {
    "0": {
        "active": [{"id": "source"}],
        "inactive": [{"id": "360p", "width": 640, "height": 360, "bitrate": 500_000}],
        "layers": [{"encodingId": "source"}, {"encodingId": "360p"}],
    }
}


class OneSession:
    """A session of one stream, and what there is to tell of them."""

    def __init__(self) -> None:
        self.view = msgspec.structs.replace(VIEW, viewers=3)
        self.is_open = True
        self.looks = 0

    async def at(self, session: str, ask: Any) -> MediaOutcome:
        assert isinstance(ask, LayersHere)
        self.looks += 1
        if not self.is_open:
            raise not_found("There is no such session")
        return MediaOutcome(layers=LAYERS, stream_id=STREAM)

    async def latest(self, stream_id: str) -> StreamView:
        assert stream_id == STREAM
        return self.view


Made = tuple[OneSession, TestClient[Any, Any]]


@pytest.fixture
async def made(serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> Made:
    session = OneSession()
    routes = EventRoutes(at=session.at, streams=session, look_every_s=0.01)
    return session, await serve(*routes.operations())


async def events(content: Any) -> AsyncIterator[tuple[str, Any]]:
    """As an ``EventSource`` reads them."""
    name = ""
    async for line in content:
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            yield name, msgspec.json.decode(line[6:])


async def test_a_listener_is_told_how_it_is_and_then_what_changes_until_the_session_ends(made: Made) -> None:
    session, client = made
    subscribed = await client.post(EVENTS, json=["active", "inactive", "viewercount", "layers"])
    assert subscribed.status == 201
    async with asyncio.timeout(20), client.get(subscribed.headers["Location"]) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        told = events(answer.content)
        assert [await anext(told) for _ in range(3)] == [
            ("active", {}), ("viewercount", {"viewercount": 3}), ("layers", LAYERS_DATA)
        ]  # fmt: skip
        session.view = msgspec.structs.replace(session.view, viewers=4)
        assert await anext(told) == ("viewercount", {"viewercount": 4})
        session.view = msgspec.structs.replace(session.view, state="interrupted")
        assert await anext(told) == ("inactive", {})
        session.is_open = False
        assert [event async for event in told] == []


async def test_who_asked_for_some_events_is_told_those(made: Made) -> None:
    session, client = made
    async with asyncio.timeout(20), client.get(EVENTS + "/event-stream?events=viewercount,reconnect") as answer:
        told = events(answer.content)
        assert await anext(told) == ("viewercount", {"viewercount": 3})
        session.is_open = False
        assert [event async for event in told] == [("reconnect", {})], "the stream goes on without the session"


async def test_another_listener_of_a_session_takes_the_place_of_the_one_before(made: Made) -> None:
    _, client = made
    async with asyncio.timeout(20), client.get(EVENTS + "/event-stream") as first:
        told = events(first.content)
        await anext(told)
        async with client.get(EVENTS + "/event-stream") as second:
            assert await anext(events(second.content)) == ("active", {})
            assert [name async for name, _ in told] == ["viewercount", "layers"]


@pytest.mark.parametrize("names", [[], ["active"] * 6, ["sounds"], {"active": True}, "active", [7]])
async def test_events_that_there_are_not_are_refused(made: Made, names: Any) -> None:
    _, client = made
    assert (await client.post(EVENTS, json=names)).status == 422


async def test_a_session_that_has_gone_tells_nothing(made: Made) -> None:
    session, client = made
    session.is_open = False
    assert (await client.post(EVENTS, json=["active"])).status == 404
    assert (await client.get(EVENTS + "/event-stream")).status == 404
    assert (await client.get(EVENTS + "/event-stream?events=sounds")).status == 422


def test_only_what_has_changed_is_news() -> None:
    seen = Seen(is_active=True, viewers=1, layers={})
    assert [name for name, _ in news(None, seen)] == ["active", "viewercount", "layers"]
    assert list(news(seen, seen)) == []
    assert list(news(seen, msgspec.structs.replace(seen, is_active=False))) == [("inactive", {})]
    assert set(NAMES) >= {"active", "inactive", "layers", "viewercount", "reconnect"}


def test_an_event_is_two_lines_and_an_empty_one() -> None:
    assert encoded("viewercount", {"viewercount": 3}) == b'event: viewercount\ndata: {"viewercount":3}\n\n'
