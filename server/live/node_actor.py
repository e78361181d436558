"""The actor of a node: live events for the node's clients, and requests for what only its media process has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from actors.events import NODE, DeliverLiveEvent, DeliverPublished, DeliverRoomEvent, DeliverToPeople
from actors.presence import Presence, Present, ReadPresence
from actors.runtime import Actor, ActorError, Ask, DomainError, Later, Message, Node, handles
from actors.stream_messages import Grant
from actors.tracing import Span
from media.control import (
    Answered,
    ChooseLayer,
    LayersRead,
    OfferStage,
    OfferWhep,
    Patched,
    PatchIce,
    PeersRead,
    ReadLayers,
    Refused,
    SetStage,
    StageRead,
)
from media.hls.marks import Mark
from server.live.broadcast import Broadcaster
from server.live.inspection import DescribeNode, FindPeers, FindSpans, Inspection, NodeReport
from server.live.media import MediaAway, MediaProcess
from server.live.players import Players
from server.live.published import PublishedEvents
from server.live.restreams import ReadRestreams, Restreaming, RestreamsChanged, RestreamsRead
from server.live.slates import Slates
from server.live.sources import ReadSource, SourceRead, Sources
from server.live.viewings import NOBODY, NOT_YOURS, Viewer, WebrtcViewings

log = logging.getLogger("server.neighbour")

WEBRTC: Final = "webrtc:source"
_Said = Answered | Patched | LayersRead | StageRead | Refused


class StopHere(Message, frozen=True, kw_only=True):
    """End a publication whose publisher is on this node."""

    stream_id: str
    publication: int
    reason: str


class ShowSlateHere(Message, frozen=True, kw_only=True):
    """Show a slate in place of a publisher of these tracks, which was on this node, for so long at most."""

    grant: Grant
    tracks: tuple[dict[str, Any], ...]
    for_s: float


class AnnounceHere(Message, frozen=True, kw_only=True):
    """To the node that a stream is published on: its segments tell players of this moment."""

    stream_id: str
    mark: Mark


class MuteHere(Message, frozen=True, kw_only=True):
    """To the node that a stream is published on: it has no sound before this moment of its media clock; 0: it has."""

    stream_id: str
    until_ms: int


class MediaOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the media process answered: an answer, a patch, the layers that a viewer of the stream gets, how a stage
    fares, or why not."""

    answered: Answered | None = None
    patched: Patched | None = None
    layers: LayersRead | None = None
    stage: StageRead | None = None
    refused: Refused | None = None
    stream_id: str = ""


class WatchHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    """``viewer``: who makes the offer, so that this node ends what it has no right to see any more. ``counted_at``: the
    address of a viewer that no socket counts.
    """

    offer: OfferWhep
    viewer: Viewer = NOBODY
    counted_at: str | None = None


class PatchHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    patch: PatchIce


class CloseHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    resource_id: str


class FindHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    """Whether the WebRTC session is here: an outcome without content, or the refusal ``not_found``."""

    resource_id: str


class LayersHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    """Which rendition a WHEP viewer of this node gets, or is to get from now on."""

    asked: ReadLayers | ChooseLayer


class StageHere(Ask[MediaOutcome], frozen=True, kw_only=True):
    """To the node that mixes a stage: how it is to be, or the offer of one of its people."""

    asked: SetStage | OfferStage


class EndStageHere(Message, frozen=True, kw_only=True):
    stream_id: str


class NodeActor(Actor):
    """The actor of a node (kind ``NODE``): its key is the node's name, so it never moves."""

    def __init__(
        self,
        *,
        broadcaster: Broadcaster,
        media: MediaProcess,
        presence: Presence,
        inspection: Inspection,
        viewings: WebrtcViewings,
        published: PublishedEvents,
        restreaming: Restreaming,
        sources: Sources,
        slates: Slates,
        players: Players,
    ) -> None:
        self._players = players
        self._sources = sources
        self._restreaming = restreaming
        self._slates = slates
        self._viewings = viewings
        self._inspection = inspection
        self._presence = presence
        self._broadcaster = broadcaster
        self._published = published
        self._media = media

    @handles(DeliverLiveEvent)
    def handle(self, message: DeliverLiveEvent) -> None:
        self._broadcaster.deliver(message.event)

    @handles(DeliverRoomEvent)
    def handle_room_event(self, message: DeliverRoomEvent) -> None:
        self._broadcaster.deliver(message.event)

    @handles(DeliverPublished)
    def publish(self, message: DeliverPublished) -> None:
        self._published.to_topic(message)

    @handles(DeliverToPeople)
    def publish_to_people(self, message: DeliverToPeople) -> None:
        self._published.to_people(message)

    @handles(ReadPresence)
    def read_presence(self, message: ReadPresence) -> Present:
        return self._presence.present(message.topic, after=message.after)

    @handles(DescribeNode)
    def describe(self, message: DescribeNode) -> NodeReport:
        return self._inspection.describe(message)

    @handles(FindSpans)
    def spans(self, message: FindSpans) -> tuple[Span, ...]:
        return self._inspection.spans(message.trace)

    @handles(FindPeers)
    def peers(self, message: FindPeers) -> Later[PeersRead]:
        later: Later[PeersRead] = self.context.later()
        self.context.spawn(_peers_found(self._media.peers(message.limit), later), name="ask media")
        return later

    @handles(StopHere)
    def stop(self, message: StopHere) -> None:
        self._media.stop_publication(message.stream_id, publication=message.publication, reason=message.reason)

    @handles(RestreamsChanged)
    def restreams_changed(self, message: RestreamsChanged) -> None:
        self._restreaming.changed(message.stream_id)

    @handles(AnnounceHere)
    def announce(self, message: AnnounceHere) -> None:
        self._media.announce(message.stream_id, message.mark)

    @handles(MuteHere)
    def mute(self, message: MuteHere) -> None:
        self._media.mute(message.stream_id, until_ms=message.until_ms)

    @handles(ReadRestreams)
    def read_restreams(self, message: ReadRestreams) -> RestreamsRead:
        return RestreamsRead(states=self._restreaming.states(message.stream_id))

    @handles(ReadSource)
    def read_source(self, message: ReadSource) -> SourceRead:
        return SourceRead(state=self._sources.state(message.stream_id))

    @handles(ShowSlateHere)
    def show_slate(self, message: ShowSlateHere) -> None:
        self._slates.show(message.grant, message.tracks, for_s=message.for_s)

    @handles(WatchHere)
    def watch(self, message: WatchHere) -> Later[MediaOutcome]:
        return self._later(self._watched(message))

    async def _watched(self, message: WatchHere) -> Answered | Refused:
        """A viewer whose right ends while the media process answers is refused."""
        resource_id = message.offer.resource_id
        self._viewings.begin(resource_id, message.offer.stream_id, message.viewer)
        try:
            answer = await self._media.offer_whep(message.offer)
        except MediaAway:
            self._viewings.gone(resource_id)
            raise
        if isinstance(answer, Refused):
            self._viewings.gone(resource_id)
        elif not self._viewings.is_open(resource_id):
            await self._viewings.close(resource_id)
            return NOT_YOURS
        elif message.counted_at is not None:
            self._viewings.until_gone(resource_id, self._counted(message, message.counted_at))
        return answer

    def _counted(self, message: WatchHere, address: str) -> Callable[[], None]:
        stream_id, viewer = message.offer.stream_id, message.viewer
        return self._players.began(stream_id, viewer=viewer, address=address, transport=WEBRTC)

    @handles(PatchHere)
    def patch(self, message: PatchHere) -> Later[MediaOutcome]:
        return self._later(self._media.patch(message.patch))

    @handles(CloseHere)
    def close(self, message: CloseHere) -> Later[MediaOutcome]:
        return self._later(self._media.close_resource(message.resource_id))

    @handles(FindHere)
    def find(self, message: FindHere) -> Later[MediaOutcome]:
        return self._later(self._media.find_resource(message.resource_id))

    @handles(LayersHere)
    def layers(self, message: LayersHere) -> Later[MediaOutcome]:
        stream_id = self._viewings.stream_of(message.asked.resource_id)
        return self._later(self._media.layers(message.asked), stream_id=stream_id)

    @handles(StageHere)
    def stage(self, message: StageHere) -> Later[MediaOutcome]:
        asked = message.asked
        asking = self._media.set_stage(asked) if isinstance(asked, SetStage) else self._media.offer_stage(asked)
        return self._later(asking)

    @handles(EndStageHere)
    def end_stage(self, message: EndStageHere) -> None:
        self._media.end_stage(message.stream_id)

    def _later(self, asking: Coroutine[Any, Any, _Said], *, stream_id: str = "") -> Later[MediaOutcome]:
        """The media process may take its time: live events must not wait for it."""
        later: Later[MediaOutcome] = self.context.later()
        self.context.spawn(_asked(asking, later, stream_id), name="ask media")
        return later


async def _peers_found(asking: Coroutine[Any, Any, PeersRead | Refused], later: Later[PeersRead]) -> None:
    """None where there is no media process."""
    try:
        answer = await asking
    except MediaAway:
        answer = PeersRead()
    later.resolve(answer if isinstance(answer, PeersRead) else PeersRead())


async def _asked(asking: Coroutine[Any, Any, _Said], later: Later[MediaOutcome], stream_id: str) -> None:
    try:
        later.resolve(msgspec.structs.replace(_outcome(await asking), stream_id=stream_id))
    except MediaAway:
        away = "The media process is starting: try again in a moment."
        later.reject(DomainError("unavailable", away, retry_after_s=1.0))


def _outcome(answer: _Said) -> MediaOutcome:
    if isinstance(answer, Answered):
        return MediaOutcome(answered=answer)
    if isinstance(answer, LayersRead):
        return MediaOutcome(layers=answer)
    if isinstance(answer, StageRead):
        return MediaOutcome(stage=answer)
    return MediaOutcome(patched=answer) if isinstance(answer, Patched) else MediaOutcome(refused=answer)


class MediaOfNodes:
    """``actors.stream.MediaControl``: to the media process of the node where the publisher is."""

    def __init__(self, *, node: Node) -> None:
        self._node = node

    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None:
        stop = StopHere(stream_id=stream_id, publication=publication, reason=reason)
        try:
            self._node.ref(NODE, node or self._node.name).tell(stop)
        except ActorError as error:
            # Most often the node is gone, and the publisher with it: there is nothing left to stop.
            log.info("stream %s: publication %d is not stopped on node %s: %s", stream_id, publication, node, error)

    def show_slate(self, node: str, grant: Grant, tracks: tuple[dict[str, Any], ...], *, for_s: float) -> None:
        show = ShowSlateHere(grant=grant, tracks=tracks, for_s=for_s)
        try:
            self._node.ref(NODE, node or self._node.name).tell(show)
        except ActorError as error:
            log.info("stream %s: no slate on node %s: %s", grant.stream_id, node, error)
