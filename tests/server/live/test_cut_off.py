"""Answers on their way are broken off, and WebRTC sessions closed, when the right to see them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient

from actors.events import StreamView
from media.control import OfferWhep
from server.http.errors import not_found
from server.live.hls import HlsRoutes
from server.live.node_actor import WatchHere
from server.live.pull import Pull
from server.live.viewings import Viewer, Viewings
from tests.server.live.counted import Counting
from tests.server.live.nodes import ClusterNode, cluster
from tests.server.live.openness import NO_ADDRESSES
from tests.server.live.test_rights import VIEW

Serve = Callable[..., Awaitable[TestClient[Any, Any]]]
EVE = Viewer(id="eve", session_id="1")


class Slow:
    """``Playback`` and ``OnAir`` of one stream whose playlist takes its time."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        return VIEW

    async def held(self, view: StreamView) -> Any:
        self.asked.set()
        await self.go_on.wait()
        raise not_found("There is nothing to play yet")


async def asked_slowly(serve: Serve, viewings: Viewings) -> tuple[Slow, asyncio.Task[Any]]:
    slow: Any = Slow()
    routes = HlsRoutes(
        playback=slow, stream_directory=slow, objects=slow, recordings=slow, pull=Pull(address_of=lambda _: ""),
        addresses=NO_ADDRESSES, viewings=viewings, footage=lambda *_: None, want=lambda *_: None, me="n1",
        players=Counting().hls(),
    )  # fmt: skip
    client = await serve(*routes.operations())
    asking = asyncio.ensure_future(client.get(f"/hls/{VIEW.id}/index.m3u8"))
    await asyncio.wait_for(slow.asked.wait(), 30)
    return slow, asking


async def test_an_answer_on_its_way_is_broken_off_when_its_reader_may_not_see_the_stream(serve: Serve) -> None:
    viewings = Viewings()
    slow, asking = await asked_slowly(serve, viewings)
    viewings.evict(VIEW.id, lambda viewer: viewer.id is not None)
    with pytest.raises(aiohttp.ClientError):
        await asyncio.wait_for(asking, 30)
    slow.go_on.set()


async def test_an_answer_of_somebody_who_may_see_the_stream_goes_on_and_is_forgotten_then(serve: Serve) -> None:
    viewings = Viewings()
    slow, asking = await asked_slowly(serve, viewings)
    viewings.evict(VIEW.id, lambda viewer: viewer.id is None)
    slow.go_on.set()
    assert (await asyncio.wait_for(asking, 30)).status == 404
    assert viewings.streams() == []


async def watched(place: ClusterNode, resource_id: str) -> int | None:
    """The status of the refusal, None for an answer."""
    offer = OfferWhep(stream_id="s", sdp="o", resource_id=resource_id)
    outcome = await place.node.ref("node", "n2").ask(WatchHere(offer=offer, viewer=EVE))
    return None if outcome.refused is None else outcome.refused.status


async def test_a_webrtc_session_is_closed_on_the_node_that_has_it() -> None:
    async with cluster("n1", "n2") as (near, far):
        assert await watched(near, "whep-1.n2") is None
        far.viewings.evict("s", lambda viewer: viewer.id == "eve")
        assert far.media.open == ["whep-1.n2"]
        far.viewings.end_session("1", "logout")
        await far.settle()
        assert (far.media.open, far.viewings.streams()) == ([], [])


async def test_a_viewer_whose_right_ends_while_the_offer_is_answered_is_refused() -> None:
    async with cluster("n1", "n2") as (near, far):
        offer, opened = far.media.offer_whep, asyncio.Event()

        async def slowly(asked: OfferWhep) -> Any:
            far.viewings.evict("s", lambda _: False)
            opened.set()
            return await offer(asked)

        far.media.offer_whep = slowly  # type: ignore[method-assign]
        assert await watched(near, "whep-1.n2") == 404
        assert opened.is_set()
        assert far.media.open == []


async def test_a_session_that_was_refused_or_has_ended_by_itself_is_held_no_more() -> None:
    async with cluster("n1", "n2") as (near, far):
        assert await watched(near, "whep-1.n2") is None
        far.webrtc.gone("whep-1.n2")
        far.media.is_away = True
        with pytest.raises(Exception, match="media process"):
            await watched(near, "whep-2.n2")
        assert far.viewings.streams() == []
