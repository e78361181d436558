"""What a node tells an operator of itself, and of the messages that were followed through it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from heapq import nlargest
from pathlib import Path
from typing import Final, Literal

import msgspec

from actors.runtime import ActorInfo, Ask, Node
from actors.tracing import Span
from media.control import PeersRead
from server.live.media import MediaProcess
from server.load_monitor import LoadMonitor
from server.tracing import Traces
from storage.bus import Bus

MOST_LOOKED_AT: Final = 5_000
"""Actors; looking at one takes some microseconds of the loop."""

Order = Literal["unread", "slowest", "restarts"]


class ActorReport(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    key: str
    state: str
    unread: int
    capacity: int
    handled: int
    restarts: int
    slowest_ms: float
    slowest_message: str
    parked_reason: str | None


class LetterReport(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    kind: str
    key: str
    message: str
    reason: str


class MediaReport(msgspec.Struct, frozen=True, kw_only=True):
    """``pid`` None: there is no process at the moment. The numbers are those of its last report."""

    pid: int | None = None
    restarts: int = 0
    streams: int = 0
    whep_viewers: int = 0
    whep_rtt_ms: float = 0.0
    whep_bitrate: int = 0


class BusReport(msgspec.Struct, frozen=True, kw_only=True):
    sent: int = 0
    received: int = 0
    duplicates: int = 0
    gaps: int = 0
    lost: int = 0
    unreadable: int = 0
    is_deaf: bool = False


class DiskReport(msgspec.Struct, frozen=True, kw_only=True):
    """``what``: the folder that lies on it, ``data`` or ``run``."""

    what: str
    free_bytes: int
    total_bytes: int


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """``held``: shard to epoch. ``actors``: by kind. ``top``: those asked for. ``http_errors``: requests
    answered with 500 since the start. Later versions may add fields."""

    held: dict[int, int] = {}
    actors: dict[str, int] = {}
    sockets: int = 0
    media: MediaReport = MediaReport()
    bus: BusReport = BusReport()
    dead_letters: int = 0
    rss_bytes: int = 0
    loop_lag_ms: float = 0.0
    load: float = 0.0
    top: tuple[ActorReport, ...] = ()
    letters: tuple[LetterReport, ...] = ()
    http_errors: int = 0
    disks: tuple[DiskReport, ...] = ()


class DescribeNode(Ask[NodeReport], frozen=True, kw_only=True):
    """``limit`` bounds actors and dead letters; ``kind`` narrows both. Parked actors come first in any order."""

    limit: int
    kind: str | None = None
    order: Order = "unread"


class FindPeers(Ask[PeersRead], frozen=True, kw_only=True):
    """How those fare who publish and watch over WebRTC on this node: the worst, so many of each at most."""

    limit: int


class FindSpans(Ask[tuple[Span, ...]], frozen=True, kw_only=True):
    """What this node knows of a followed message."""

    trace: str


class Inspection:
    """Answers for its node. Callables are read at each question."""

    def __init__(
        self,
        *,
        node: Node,
        held: Callable[[], Mapping[int, int]],
        sockets: Callable[[], int],
        media: Callable[[], MediaReport],
        bus: Callable[[], BusReport],
        load_monitor: LoadMonitor,
        traces: Traces,
        http_errors: Callable[[], int],
        folders: Mapping[str, Path],
    ) -> None:
        self._node = node
        self._held = held
        self._sockets = sockets
        self._media = media
        self._bus = bus
        self._load_monitor = load_monitor
        self._traces = traces
        self._http_errors = http_errors
        self._folders = folders

    def describe(self, asked: DescribeNode) -> NodeReport:
        return NodeReport(
            held=dict(self._held()),
            actors=self._node.population(),
            sockets=self._sockets(),
            media=self._media(),
            bus=self._bus(),
            dead_letters=self._node.dead_letters.total,
            rss_bytes=self._load_monitor.rss_bytes,
            loop_lag_ms=self._load_monitor.loop_lag_s * 1000,
            load=self._load_monitor.load,
            top=self._top(asked),
            letters=self._letters(asked),
            http_errors=self._http_errors(),
            disks=tuple(_disks(self._folders)),
        )

    def spans(self, trace: str) -> tuple[Span, ...]:
        return self._traces.of(trace)

    def _top(self, asked: DescribeNode) -> tuple[ActorReport, ...]:
        if not asked.limit:
            return ()
        seen = self._node.actors(most=MOST_LOOKED_AT, kind=asked.kind)
        return tuple(map(_report, nlargest(asked.limit, seen, key=_RANKS[asked.order])))

    def _letters(self, asked: DescribeNode) -> tuple[LetterReport, ...]:
        last = [letter for letter in self._node.dead_letters.last if asked.kind in (None, letter.id.kind)]
        return tuple(
            LetterReport(at=at, kind=actor.kind, key=actor.key, message=message, reason=reason)
            for at, actor, message, reason in last[len(last) - min(asked.limit, len(last)) :]
        )


def _disks(folders: Mapping[str, Path]) -> Iterator[DiskReport]:
    """Without those whose folder is not there, or not to be looked at."""
    for what, folder in folders.items():
        with contextlib.suppress(OSError):
            usage = shutil.disk_usage(folder)
            yield DiskReport(what=what, free_bytes=usage.free, total_bytes=usage.total)


def _unread(info: ActorInfo) -> tuple[float, ...]:
    return info.state == "parked", info.unread, info.restarts, info.slowest_s


def _slowest(info: ActorInfo) -> tuple[float, ...]:
    return info.state == "parked", info.slowest_s


def _restarts(info: ActorInfo) -> tuple[float, ...]:
    return info.state == "parked", info.restarts, info.unread


_RANKS: Final[Mapping[Order, Callable[[ActorInfo], tuple[float, ...]]]] = {
    "unread": _unread,
    "slowest": _slowest,
    "restarts": _restarts,
}


def _report(info: ActorInfo) -> ActorReport:
    return ActorReport(
        kind=info.id.kind,
        key=info.id.key,
        state=info.state,
        unread=info.unread,
        capacity=info.capacity,
        handled=info.handled,
        restarts=info.restarts,
        slowest_ms=info.slowest_s * 1000,
        slowest_message=info.slowest_message,
        parked_reason=info.parked_reason,
    )


def media_report(media: MediaProcess, counters: Mapping[str, float]) -> MediaReport:
    return MediaReport(
        pid=media.pid,
        restarts=media.restarts,
        streams=int(counters.get("streams", 0)),
        whep_viewers=int(counters.get("whep_viewers", 0)),
        whep_rtt_ms=counters.get("whep_rtt_ms", 0.0),
        whep_bitrate=int(counters.get("whep_bitrate", 0)),
    )


def bus_report(bus: Bus) -> BusReport:
    counters = bus.counters
    return BusReport(
        sent=counters.frames_out,
        received=counters.frames_in,
        duplicates=counters.duplicates,
        gaps=counters.gaps,
        lost=counters.lost,
        unreadable=counters.unreadable,
        is_deaf=bus.is_deaf,
    )
