"""What operators see: nodes, shards, actors and dead letters of the whole cluster, and one message's way through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nlargest
from typing import Annotated, Final

import msgspec
from pydantic import Field

from actors.runtime.ids import SHARDS
from media.control import PeerFigures
from server.feature import Feature
from server.features.operations.nodes import NodesAsked
from server.http.errors import not_found
from server.http.operation import Answer, Call, Operation, PathFormat
from server.http.shapes import Limit, Query, Shape, Text
from server.live.inspection import (
    ActorReport,
    BusReport,
    DescribeNode,
    FindPeers,
    FindSpans,
    LetterReport,
    MediaReport,
    NodeReport,
    Order,
)
from storage.members import Member

TRACE: Final = PathFormat(
    pattern="^[0-9a-f]{32}$", description="A trace id", example="4bf92f3577b34da6a3ce929d0e0e4736"
)


class MediaShape(Shape):
    pid: Annotated[int | None, Field(description="null while there is no process")]
    restarts: int
    streams: int
    whep_viewers: int
    whep_rtt_ms: Annotated[float, Field(description="Median of the viewers' round trips; 0 while none has told")]
    whep_bitrate: Annotated[int, Field(description="bit/s to all of them")]


class BusShape(Shape):
    """Since the node's start. `gaps`: entries that were sent to it and never came; `lost`: never sent."""

    sent: int
    received: int
    duplicates: int
    gaps: int
    lost: int
    unreadable: int
    is_deaf: bool


class NodeShape(Shape):
    """A member as its heartbeat tells, and what it answered when it was asked just now."""

    name: str
    incarnation: str
    roles: list[str]
    address: Annotated[str, Field(description="Where other nodes reach it; empty if it has none")]
    version: str
    started_at: datetime
    is_draining: bool
    load: Annotated[float, Field(description="Share of a core that is used, 0 to 1")]
    weight: Annotated[float, Field(description="Its share of the shards, in proportion to the others'")]
    shards: Annotated[int, Field(description="Shards whose lease it holds")]
    answers: Annotated[bool, Field(description="false: it did not answer in time, and what follows is null")]
    actors: Annotated[dict[str, int] | None, Field(description="By kind")]
    sockets: int | None
    media: MediaShape | None
    bus: BusShape | None
    dead_letters: Annotated[int | None, Field(description="Messages that nobody handled, since the start")]
    rss_bytes: int | None
    loop_lag_ms: Annotated[float | None, Field(description="How late a timer was at worst in the last 10 s")]


class ShardShape(Shape):
    shard: int
    node: Annotated[str | None, Field(description="null while nobody holds it")]
    epoch: Annotated[int | None, Field(description="As its node says; null while that does not answer")]


class ActorShape(Shape):
    id: Annotated[str, Field(description="kind/key")]
    kind: str
    node: str
    state: str
    unread: int
    capacity: int
    handled: int
    restarts: int
    slowest_ms: float
    slowest_message: str
    parked_reason: str | None


class LetterShape(Shape):
    at: datetime
    node: str
    id: Annotated[str, Field(description="kind/key it was meant for")]
    message: str
    reason: str


class ClusterShape(Shape):
    nodes: list[NodeShape]
    shards: list[ShardShape]
    actors: list[ActorShape]
    dead_letters: Annotated[list[LetterShape], Field(description="The latest first")]


class SpanShape(Shape):
    name: str
    node: str
    at: datetime
    duration_ms: float


class PeerShape(Shape):
    """What reports tell of one who publishes or watches over WebRTC."""

    node: str
    session: Annotated[str, Field(description="The beginning of its id")]
    stream: Annotated[str, Field(description="As logs name it")]
    rtt_ms: Annotated[float | None, Field(description="null until they have told")]
    lost_share: Annotated[float, Field(description="Of the last report, 0 to 1")]
    lost: Annotated[int, Field(description="Packets, since the beginning")]
    jitter_ms: float
    bitrate: Annotated[int, Field(description="bit/s")]
    asked: Annotated[int, Field(description="Packets that were asked for again")]
    stuck: Annotated[int, Field(description="How often pictures could not go on without a key frame")]
    latency_ms: Annotated[float | None, Field(description="Publishers: from the camera to the server, if they tell")]
    estimate: Annotated[int | None, Field(description="Viewers: what their connection carries, bit/s, if they tell")]
    rendition: Annotated[str, Field(description="Viewers: what is sent to them")]


class PeersShape(Shape):
    publishers: Annotated[list[PeerShape], Field(description="Those that lose most first")]
    viewers: Annotated[list[PeerShape], Field(description="Those that lose most first")]
    silent: Annotated[list[str], Field(description="Nodes that did not answer")]


class PeersQuery(Query):
    limit: Limit = 20


class TraceShape(Shape):
    id: str
    spans: Annotated[list[SpanShape], Field(description="By the time of their beginning, each by its node's clock")]
    silent: Annotated[list[str], Field(description="Nodes that did not answer, and may know more")]


Name = Annotated[Text, Field(min_length=1, max_length=64)]


class ClusterQuery(Query):
    kind: Annotated[Name | None, Field(description="Only actors of this kind")] = None
    node: Annotated[Name | None, Field(description="Only actors on this node")] = None
    order: Annotated[Order, Field(description="Which actors come first, after those that are parked")] = "unread"
    limit: Limit = 50


Owners = Callable[[], Mapping[int, str]]
"""The name of each shard's node, where one is known."""


class ClusterRoutes:
    """Asks the actor of every member, side by side. A node that does not answer within a second is listed as such."""

    def __init__(
        self,
        *,
        nodes: NodesAsked,
        owners: Owners,
    ) -> None:
        self._nodes = nodes
        self._owners = owners

    def operations(self) -> Sequence[Operation]:
        admins = frozenset({"admin"})
        return [
            Operation(
                method="GET", path="/api/v1/admin/cluster", handler=self._cluster, name="getCluster", tag="admin",
                summary="Nodes, shards, actors and dead letters", query=ClusterQuery, answers={200: ClusterShape},
                auth="required", roles=admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/webrtc", handler=self._peers, name="getWebrtcPeers", tag="admin",
                summary="Those who publish and watch over WebRTC, the worst off first", query=PeersQuery,
                answers={200: PeersShape}, auth="required", roles=admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/traces/{id}", handler=self._trace, name="getTrace", tag="admin",
                summary="The way of one message", paths={"id": TRACE}, answers={200: TraceShape},
                description="Connect with `auth: {trace: true}`, and `chat:send` is acknowledged with its `trace`.",
                problems=frozenset({404}), auth="required", roles=admins,
            ),
        ]  # fmt: skip

    async def _cluster(self, call: Call[None, ClusterQuery]) -> Answer:
        query, members = call.query, self._nodes.members()
        reports = await self._nodes.ask(
            {
                name: DescribeNode(
                    limit=query.limit if query.node in (None, name) else 0, kind=query.kind, order=query.order
                )
                for name in members
            }
        )
        owners = self._owners()
        return Answer(
            body=ClusterShape(
                nodes=[_node(members[name], reports[name], owners) for name in sorted(members)],
                shards=[_shard(shard, owners.get(shard), reports) for shard in range(SHARDS)],
                actors=_top(reports, query),
                dead_letters=_letters(reports, query.limit),
            )
        )

    async def _peers(self, call: Call[None, PeersQuery]) -> Answer:
        limit = call.query.limit
        found = await self._nodes.ask({name: FindPeers(limit=limit) for name in self._nodes.members()})
        told = [(name, read) for name, read in found.items() if read is not None]
        publishers = [_peer(name, peer) for name, read in told for peer in read.publishers]
        viewers = [_peer(name, peer) for name, read in told for peer in read.viewers]
        silent = sorted(name for name, read in found.items() if read is None)
        return Answer(
            body=PeersShape(publishers=_worst(publishers, limit), viewers=_worst(viewers, limit), silent=silent)
        )

    async def _trace(self, call: Call[None, None]) -> Answer:
        trace = call.path["id"]
        found = await self._nodes.ask({name: FindSpans(trace=trace) for name in self._nodes.members()})
        silent = sorted(name for name, spans in found.items() if spans is None)
        spans = sorted((span for spans in found.values() for span in spans or ()), key=lambda span: span.at)
        if not spans and not silent:
            raise not_found("Nothing is known of this trace any more")
        shown = [SpanShape(name=s.name, node=s.node, at=_time(s.at), duration_ms=s.duration_ms) for s in spans]
        return Answer(body=TraceShape(id=trace, spans=shown, silent=silent))


Reports = Mapping[str, NodeReport | None]


def _node(member: Member, report: NodeReport | None, owners: Mapping[int, str]) -> NodeShape:
    return NodeShape(
        name=member.name,
        incarnation=member.incarnation,
        roles=list(member.roles),
        address=member.address,
        version=member.version,
        started_at=_time(member.started_at),
        is_draining=member.is_draining,
        load=report.load if report is not None else member.load,
        weight=member.weight,
        shards=sum(owner == member.name for owner in owners.values()),
        answers=report is not None,
        actors=report.actors if report is not None else None,
        sockets=report.sockets if report is not None else None,
        media=_media(report.media) if report is not None else None,
        bus=_bus(report.bus) if report is not None else None,
        dead_letters=report.dead_letters if report is not None else None,
        rss_bytes=report.rss_bytes if report is not None else None,
        loop_lag_ms=report.loop_lag_ms if report is not None else None,
    )


def _peer(node: str, peer: PeerFigures) -> PeerShape:
    return PeerShape.model_validate({"node": node, **msgspec.structs.asdict(peer)})


def _worst(peers: list[PeerShape], limit: int) -> list[PeerShape]:
    return nlargest(limit, peers, key=lambda peer: (peer.lost_share, peer.rtt_ms or 0.0))


def _media(media: MediaReport) -> MediaShape:
    return MediaShape.model_validate(media, from_attributes=True)


def _bus(bus: BusReport) -> BusShape:
    return BusShape.model_validate(bus, from_attributes=True)


def _shard(shard: int, owner: str | None, reports: Reports) -> ShardShape:
    report = reports.get(owner) if owner is not None else None
    return ShardShape(shard=shard, node=owner, epoch=report.held.get(shard) if report is not None else None)


def _top(reports: Reports, query: ClusterQuery) -> list[ActorShape]:
    """Each node told its first ones in this order; of them the first are the cluster's."""
    found = [_actor(name, actor) for name, report in _told(reports) for actor in report.top]
    found.sort(key=lambda actor: (actor.state == "parked", *_RANKS[query.order](actor)), reverse=True)
    return found[: query.limit]


_RANKS: Final[Mapping[Order, Callable[[ActorShape], tuple[float, ...]]]] = {
    "unread": lambda actor: (actor.unread, actor.restarts, actor.slowest_ms),
    "slowest": lambda actor: (actor.slowest_ms,),
    "restarts": lambda actor: (actor.restarts, actor.unread),
}


def _actor(node: str, actor: ActorReport) -> ActorShape:
    return ActorShape(
        id=f"{actor.kind}/{actor.key}",
        kind=actor.kind,
        node=node,
        state=actor.state,
        unread=actor.unread,
        capacity=actor.capacity,
        handled=actor.handled,
        restarts=actor.restarts,
        slowest_ms=actor.slowest_ms,
        slowest_message=actor.slowest_message,
        parked_reason=actor.parked_reason,
    )


def _letters(reports: Reports, limit: int) -> list[LetterShape]:
    found = [(name, letter) for name, report in _told(reports) for letter in report.letters]
    found.sort(key=lambda of: of[1].at, reverse=True)
    return [_letter(name, letter) for name, letter in found[:limit]]


def _letter(node: str, letter: LetterReport) -> LetterShape:
    return LetterShape(
        at=_time(letter.at),
        node=node,
        id=f"{letter.kind}/{letter.key}",
        message=letter.message,
        reason=letter.reason,
    )


def _told(reports: Reports) -> Iterable[tuple[str, NodeReport]]:
    return ((name, report) for name, report in reports.items() if report is not None)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def build(*, nodes: NodesAsked, owners: Owners) -> Feature:
    return Feature(name="cluster", operations=ClusterRoutes(nodes=nodes, owners=owners).operations())
