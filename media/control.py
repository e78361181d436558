"""The messages that a node and its media process send each other over the channel."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from media.hls.events import Event
from media.hls.marks import Mark
from media.pull.playout_items import Chunk, PlayoutItem
from media.pull.states import PullSource, PullState
from media.restream.states import RestreamState, RestreamTarget
from media.stage.plan import StagePlan, StageState


class ControlMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of all messages of the channel."""


# ----------------------------------------------------------------------------------------------- the media process asks


class AuthorizePublish(ControlMessage, frozen=True, kw_only=True):
    """A publisher presents a key over RTMP; the node answers ``Granted`` or ``Refused``."""

    key: str
    protocol: str
    remote: str
    user_agent: str = ""
    is_backup: bool = False


class Granted(ControlMessage, frozen=True, kw_only=True):
    """Leave to publish; ``epoch`` is the fencing token in every object key of the run. ``owner_id``: whose stream.
    ``label``: its title and its owner's username, for the log.
    ``target_s``: the target duration of the stream's playlists, 0 if it has none yet. ``transcode``: ``auto``, ``off``
    or ``ladder``, see ``media.run_ladder``. ``is_slate``: it is not for a publisher but for the slate in its place.
    ``takes_over``: from a publisher that is there. ``joins``: beside the one that is there, see ``media.switch``;
    ``is_backup``: as the backup. ``has_slate``: there is to be a slate when the publisher goes;
    ``slate_picture`` is the object key of the owner's own picture, empty for ours. ``muted_until_ms``: as of
    ``MuteStream``, from the first packet on."""

    stream_id: str
    epoch: int
    publication: int
    first_segment: int
    media_time_ms: int
    latency: str
    is_recorded: bool
    owner_id: str = ""
    label: str = ""
    target_s: int = 0
    transcode: Literal["auto", "off", "ladder"] = "auto"
    is_slate: bool = False
    takes_over: bool = False
    joins: bool = False
    is_backup: bool = False
    has_slate: bool = False
    slate_picture: str = ""
    muted_until_ms: int = 0

    @property
    def log_name(self) -> str:
        """What the log calls the stream."""
        return f"stream {self.stream_id} {self.label}".rstrip()


class Refused(ControlMessage, frozen=True, kw_only=True):
    """``code`` is a refusal code of publishing, or the slug of an HTTP problem; ``status`` an HTTP status."""

    code: str
    message: str
    status: int = 403


# ----------------------------------------------------------------------------------------------- the media process says


class MediaReady(ControlMessage, frozen=True, kw_only=True):
    """All ports are bound: RTMP's TCP port and WebRTC's UDP port (0: none)."""

    rtmp_port: int
    webrtc_port: int


class PublishStarted(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    tracks: tuple[dict[str, Any], ...]


class PublishEnded(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    reason: str


class Progress(ControlMessage, frozen=True, kw_only=True):
    """About once a second and publication; ``at`` is the wall clock of the newest unit. ``renditions``: as
    ``playback.renditions`` shows them, the best first. ``sources``: the roles of those who publish."""

    stream_id: str
    publication: int
    media_time_ms: int
    next_segment: int
    at: float
    health: dict[str, Any]
    renditions: tuple[dict[str, Any], ...] = ()
    is_slate: bool = False
    sources: tuple[str, ...] = ()


class Packaged(ControlMessage, frozen=True, kw_only=True):
    """One step of a stream's packaging, in order."""

    stream_id: str
    publication: int
    event: Event


class Flushed(ControlMessage, frozen=True, kw_only=True):
    """Everything of a publication that ended is stored and was reported."""

    stream_id: str
    publication: int


class Pictured(ControlMessage, frozen=True, kw_only=True):
    """A new thumbnail lies at ``path``."""

    stream_id: str
    path: str
    at: float


class ViewerGone(ControlMessage, frozen=True, kw_only=True):
    """A WebRTC viewer's connection ended by itself."""

    resource_id: str


class RestreamsReported(ControlMessage, frozen=True, kw_only=True):
    """About once a second for each stream with restreams; none once they have ended."""

    stream_id: str
    states: tuple[RestreamState, ...]


class ListItem(ControlMessage, frozen=True, kw_only=True):
    """Where the bytes of an item of a stream's playout are, see ``media.pull.playout.Library``; answered by
    ``ItemListed``."""

    stream_id: str
    item: PlayoutItem
    from_ms: int
    after: int


class ItemListed(ControlMessage, frozen=True, kw_only=True):
    """``last``: the last number, None when there are no more chunks."""

    chunks: tuple[Chunk, ...]
    last: int | None


class SourcesReported(ControlMessage, frozen=True, kw_only=True):
    """About once a second while there are sources: all of them."""

    states: tuple[PullState, ...]


class MediaCounters(ControlMessage, frozen=True, kw_only=True):
    """Every few seconds, for the operators: totals since the process started, by metric name."""

    values: dict[str, float]


# ------------------------------------------------------------------------------------------------------- the node asks


class OfferWhip(ControlMessage, frozen=True, kw_only=True):
    """A publisher's offer, with the leave that its key was given; answered by ``Answered`` or ``Refused``.

    ``offered_by``: who makes it, each with how many of its offers may wait to be connected.
    """

    grant: Granted
    sdp: str
    resource_id: str
    remote: str
    user_agent: str = ""
    offered_by: dict[str, int] = {}


class OfferWhep(ControlMessage, frozen=True, kw_only=True):
    """A viewer's offer; ``offered_by`` as for a publisher's."""

    stream_id: str
    sdp: str
    resource_id: str
    offered_by: dict[str, int] = {}


class OfferStage(ControlMessage, frozen=True, kw_only=True):
    """The offer of a person of a stage: of what they send, or (``is_sending`` false) to be sent its picture and sound.
    Answered by ``Answered`` or ``Refused``; ``offered_by`` as for a publisher's."""

    plan: StagePlan
    seat: str
    is_sending: bool
    sdp: str
    resource_id: str
    offered_by: dict[str, int] = {}


class SetStage(ControlMessage, frozen=True, kw_only=True):
    """What a stage is to be like; answered by ``StageRead``."""

    plan: StagePlan


class StageRead(ControlMessage, frozen=True, kw_only=True):
    state: StageState


class Answered(ControlMessage, frozen=True, kw_only=True):
    sdp: str
    etag: str


class PatchIce(ControlMessage, frozen=True, kw_only=True):
    """A trickle or restart fragment; answered by ``Patched`` or ``Refused``."""

    resource_id: str
    fragment: str
    etag: str | None


class Patched(ControlMessage, frozen=True, kw_only=True):
    """``fragment`` empty: the client is answered 204."""

    fragment: str = ""
    etag: str = ""


class CloseWebrtc(ControlMessage, frozen=True, kw_only=True):
    """End a WHIP or WHEP resource; answered by ``Patched``, or ``Refused`` when there is none."""

    resource_id: str


class FindWebrtc(ControlMessage, frozen=True, kw_only=True):
    """Whether there is such a WHIP or WHEP resource; answered by ``Patched``, or ``Refused`` when there is none."""

    resource_id: str


class ReadLayers(ControlMessage, frozen=True, kw_only=True):
    """What a WHEP viewer can be sent; answered by ``LayersRead``, or ``Refused`` when there is no such session."""

    resource_id: str


class ChooseLayer(ControlMessage, frozen=True, kw_only=True):
    """Send a WHEP viewer this rendition, ``None``: what their connection carries; answered by ``LayersRead``, or
    ``Refused`` when there is no such session or rendition."""

    resource_id: str
    encoding: str | None


class ReadPeers(ControlMessage, frozen=True, kw_only=True):
    """How those fare who publish and watch over WebRTC; answered by ``PeersRead``."""

    limit: int


class PeerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One publisher's, or one viewer's, as ``media.webrtc.statistics`` has them. ``session``: the beginning of its id;
    ``stream`` as logs name it; ``rendition`` of a viewer that pictures are chosen for."""

    session: str
    stream: str
    rtt_ms: float | None
    lost_share: float
    lost: int
    jitter_ms: float
    bitrate: int
    asked: int
    stuck: int
    latency_ms: float | None = None
    estimate: int | None = None
    rendition: str = ""


class PeersRead(ControlMessage, frozen=True, kw_only=True):
    """Those that lose most first, ``limit`` of each at most."""

    publishers: tuple[PeerFigures, ...] = ()
    viewers: tuple[PeerFigures, ...] = ()


class LayersRead(ControlMessage, frozen=True, kw_only=True):
    """``shown``: the rendition whose pictures go out; ``chosen``: None while that is automatic. ``layers``: what can be
    chosen beside ``source``, each with its name, width, height and bitrate, the best first."""

    shown: str
    chosen: str | None
    layers: tuple[tuple[str, int, int, int], ...] = ()


# ------------------------------------------------------------------------------------------------------- the node says


class StopPublication(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    reason: str


class ShowSlate(ControlMessage, frozen=True, kw_only=True):
    """The publisher of these tracks (as ``PublishStarted`` had them) has gone: show a slate, for so long at most. It
    ends with the next publication, or ``StopPublication``; ``PublishEnded`` says so."""

    grant: Granted
    tracks: tuple[dict[str, Any], ...]
    for_s: float


class WantRenditions(ControlMessage, frozen=True, kw_only=True):
    """A client has asked for a rendition that is made on demand; ``viewers`` are all that the stream has."""

    stream_id: str
    viewers: int = 0


class AnnounceMark(ControlMessage, frozen=True, kw_only=True):
    """Players are to be told of this moment within the stream's segments."""

    stream_id: str
    mark: Mark


class MuteStream(ControlMessage, frozen=True, kw_only=True):
    """What is published of the stream has no sound before this moment of its media clock; 0: it has from now on."""

    stream_id: str
    until_ms: int


class SetRestreams(ControlMessage, frozen=True, kw_only=True):
    """Where the stream is pushed on to, while it is published here: these targets and no others from now on."""

    stream_id: str
    targets: tuple[RestreamTarget, ...]


class SetSources(ControlMessage, frozen=True, kw_only=True):
    """What the media process fetches: these sources and no others from now on."""

    sources: tuple[PullSource, ...]


class EndStage(ControlMessage, frozen=True, kw_only=True):
    """The stream of a stage has ended, or its streamer wants none any more."""

    stream_id: str


class ForgetStream(ControlMessage, frozen=True, kw_only=True):
    """The stream has ended: its live files may go."""

    stream_id: str


class Drain(ControlMessage, frozen=True, kw_only=True):
    """Take no new publisher or viewer, end all, flush, leave."""

    budget_s: float


Body = (
    AuthorizePublish
    | Granted
    | Refused
    | MediaReady
    | PublishStarted
    | PublishEnded
    | Progress
    | Packaged
    | Flushed
    | Pictured
    | ViewerGone
    | RestreamsReported
    | SourcesReported
    | ListItem
    | ItemListed
    | MediaCounters
    | OfferWhip
    | OfferWhep
    | Answered
    | PatchIce
    | Patched
    | CloseWebrtc
    | FindWebrtc
    | ReadLayers
    | ChooseLayer
    | LayersRead
    | ReadPeers
    | PeersRead
    | OfferStage
    | SetStage
    | StageRead
    | EndStage
    | StopPublication
    | ShowSlate
    | WantRenditions
    | AnnounceMark
    | MuteStream
    | SetRestreams
    | SetSources
    | ForgetStream
    | Drain
)
