"""Nodes of one cluster in one process: each with its own actor ``NODE``, everything else where a test puts it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast, get_args

from actors.events import NODE, DeliverPublished, DeliverToPeople, LiveEvent
from actors.presence import Presence, ReadPresence
from actors.runtime import ActorId, LocalTransport, LoopClock, Node
from actors.runtime.directory import Placement
from media.control import (
    Answered,
    ChooseLayer,
    LayersRead,
    OfferWhep,
    OfferWhip,
    Patched,
    PatchIce,
    PeerFigures,
    PeersRead,
    ReadLayers,
    Refused,
    ShowSlate,
)
from server.live.broadcast import Broadcaster, Handlers
from server.live.inspection import BusReport, Inspection, MediaReport
from server.live.media import MediaAway
from server.live.node_actor import NodeActor
from server.live.playback import Playback
from server.live.slates import Slates
from server.live.viewings import Viewer, Viewings, WebrtcViewings
from server.load_monitor import LoadMonitor
from server.tracing import Traces


class NodeDirectory:
    """A directory: the actor of a node lives there, all others on the first."""

    def cached(self, actor_id: ActorId) -> Placement | None:
        return Placement(actor_id.key if actor_id.kind == NODE else "n1", 1)

    async def find(self, actor_id: ActorId) -> Placement:
        raise LookupError(f"{actor_id} is always known here")

    def invalidate(self, actor_id: ActorId) -> None:
        """Nothing moves."""


class RecordedEvents:
    """The live events that a node was sent, of every kind."""

    def __init__(self) -> None:
        self.events: list[LiveEvent] = []

    def handlers(self) -> Handlers:
        return dict.fromkeys(get_args(LiveEvent), (self.events.append,))


class RecordedPlayers:
    """``Players``: who is counted here at this moment, by address and transport."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []

    def began(self, stream_id: str, *, viewer: Viewer, address: str, transport: str) -> Callable[[], None]:
        self.counted.append((address, transport))
        return lambda: self.counted.remove((address, transport))


class RecordedPublished:
    """``PublishedEvents``: keeps what features publish."""

    def __init__(self) -> None:
        self.events: list[DeliverPublished | DeliverToPeople] = []

    def to_people(self, message: DeliverToPeople) -> None:
        self.events.append(message)

    def to_topic(self, message: DeliverPublished) -> None:
        self.events.append(message)


class Sessions:
    """``MediaProcess`` as far as a desk and a neighbour call it: keeps its sessions, or is away."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.stopped: list[tuple[str, int, str]] = []
        self.is_away = False
        self.slates: list[ShowSlate] = []
        self.patched = Patched(fragment="a=end", etag="2")
        self.refusal: Refused | None = None
        self.chosen: str | None = None
        self.publishers: tuple[PeerFigures, ...] = ()
        self.offers: list[OfferWhip | OfferWhep] = []

    @property
    def is_there(self) -> bool:
        return not self.is_away

    def show_slate(self, slate: ShowSlate) -> None:
        self.slates.append(slate)

    async def offer_whip(self, offer: OfferWhip) -> Answered | Refused:
        return self._opened(offer)

    async def offer_whep(self, offer: OfferWhep) -> Answered | Refused:
        return self._opened(offer)

    async def patch(self, patch: PatchIce) -> Patched | Refused:
        return self.patched if patch.resource_id in self.open else self._unknown()

    async def close_resource(self, resource_id: str) -> Patched | Refused:
        if resource_id not in self.open:
            return self._unknown()
        self.open.remove(resource_id)
        return Patched()

    async def find_resource(self, resource_id: str) -> Patched | Refused:
        return Patched() if resource_id in self.open else self._unknown()

    async def peers(self, limit: int) -> PeersRead | Refused:
        if self.is_away:
            raise MediaAway
        return PeersRead(publishers=self.publishers[:limit])

    async def layers(self, asked: ReadLayers | ChooseLayer) -> LayersRead | Refused:
        if asked.resource_id not in self.open:
            return self._unknown()
        if isinstance(asked, ChooseLayer):
            if asked.encoding not in (None, "source", "360p"):
                return Refused(code="no_such_layer", message="There is no such rendition.", status=422)
            self.chosen = asked.encoding
        return LayersRead(shown="source", chosen=self.chosen, layers=(("360p", 640, 360, 500_000),))

    def stop_publication(self, stream_id: str, *, publication: int, reason: str) -> None:
        self.stopped.append((stream_id, publication, reason))

    def _opened(self, offer: OfferWhip | OfferWhep) -> Answered | Refused:
        self.offers.append(offer)
        if self.is_away:
            raise MediaAway
        if self.refusal is not None:
            return self.refusal
        self.open.append(offer.resource_id)
        return Answered(sdp="v=0\r\n", etag="1")

    def _unknown(self) -> Refused:
        if self.is_away:
            raise MediaAway
        return Refused(code="not_found", message="There is no such session.", status=404)


class ClusterNode:
    """One node of the town, what it has heard, and its media process."""

    def __init__(self, name: str, transport: LocalTransport) -> None:
        self.live_events = RecordedEvents()
        self.published = RecordedPublished()
        self.media = Sessions()
        media: Any = self.media
        self.viewings = Viewings()
        self.webrtc = WebrtcViewings(viewings=self.viewings, media=media)
        self.presence = Presence()
        clock = LoopClock()
        self.node = Node(name=name, clock=clock, directory=NodeDirectory(), transport=transport)
        self.players = RecordedPlayers()
        self.load_monitor = LoadMonitor(clock=clock, report=lambda _: None)
        self.slates: list[tuple[str, str, int]] = []
        self.traces = Traces(node=name, clock=clock)
        self.inspection = Inspection(
            node=self.node,
            held=lambda: {number: 7 for number in range(256) if name == "n1"},
            sockets=lambda: 3,
            media=lambda: MediaReport(pid=5, streams=2),
            bus=lambda: BusReport(sent=4),
            load_monitor=self.load_monitor,
            traces=self.traces,
            http_errors=lambda: 2,
            folders={"data": Path("/")},
        )
        self.node.register(NODE, self._node_actor, idle_after_s=None)

    def _node_actor(self, actor_id: ActorId) -> NodeActor:
        broadcaster = Broadcaster(me=self.node.name, others=tuple)
        broadcaster.join(node=self.node, handlers=self.live_events.handlers())
        media: Any = self.media
        return NodeActor(
            broadcaster=broadcaster,
            media=media,
            presence=self.presence,
            inspection=self.inspection,
            viewings=self.webrtc,
            published=cast(Any, self.published),
            restreaming=cast(Any, None),
            sources=cast(Any, None),
            slates=Slates(
                media=media,
                playback=Playback(recordings=cast(Any, None)),
                began=lambda stream_id, publication: self.slates.append(("began", stream_id, publication)),
                lost=lambda stream_id, publication, reason: self.slates.append((reason, stream_id, publication)),
            ),
            players=cast(Any, self.players),
        )

    async def settle(self) -> None:
        """All that was told to this node before has been handled."""
        await self.node.ref(NODE, self.node.name).ask(ReadPresence(topic="nowhere"))


@asynccontextmanager
async def cluster(*names: str) -> AsyncIterator[list[ClusterNode]]:
    transport = LocalTransport()
    places = [ClusterNode(name, transport) for name in names]
    for place in places:
        await place.node.start()
    yield places
    for place in places:
        await place.node.stop(budget_s=1.0)
