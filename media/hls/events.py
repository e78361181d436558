"""What a muxer says of its files. The structs cross a process border (msgpack), so they hold values only.

Times named ``media_time`` and ``duration`` are integers of ``timescale`` ticks on the stream's media clock;
``program_date_time`` is the wall clock in seconds since the epoch. ``name`` is the URI relative to the stream's
address and, at the same time, the path below its run folder; a name never stands for other bytes. ``path`` is where
a process on the same machine reads the file.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SOURCE = "source"
"""The muxer of what the publisher sends. Others make renditions of it, each of them one, and follow its segments."""

PlannedState = Literal["ready", "live", "off"]


class PlannedRendition(msgspec.Struct, frozen=True, kw_only=True):
    """A rendition beside the source: made of it on demand, or sent by the publisher's encoder (``is_sent``).

    ``bitrate`` is its average in bits/s, ``codec`` the RFC 6381 string. ``ready``: made as soon as a client asks for
    it; ``live``: being made or sent; ``off``: not to be had at the moment, for the reason ``why``, a name of
    ``media.warnings``.
    """

    name: str
    codec: str
    bitrate: int
    width: int = 0
    height: int = 0
    fps: float = 0.0
    state: PlannedState = "ready"
    why: str = ""
    is_sent: bool = False


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """A span on the media clock."""

    media_time: int
    duration: int
    timescale: int

    @property
    def media_time_ms(self) -> int:
        return round(self.media_time * 1000 / self.timescale)

    @property
    def duration_ms(self) -> int:
        """Milliseconds, rounded so that what lies end to end in ticks does so in milliseconds."""
        return round((self.media_time + self.duration) * 1000 / self.timescale) - self.media_time_ms

    @property
    def duration_s(self) -> float:
        return self.duration / self.timescale


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag="run_started"):
    """A muxer has (new) tracks. ``leader`` is the rendition whose segments the others follow; renditions of the same
    muxer that are not named here have nothing to say until they are named again. ``left_out`` lists codecs that
    cannot be packaged. ``stands_in``: what is made of this muxer's pictures on demand is not, and its segments stand in
    the place of theirs."""

    muxer: str
    publication: int
    leader: str
    renditions: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    stands_in: bool = False


class RenditionsPlanned(msgspec.Struct, frozen=True, kw_only=True, tag="planned"):
    """What can be made of the source from here on, the best first; replaces what was planned before."""

    publication: int
    renditions: tuple[PlannedRendition, ...]


class InitReady(msgspec.Struct, frozen=True, kw_only=True, tag="init"):
    """An initialisation file is there. ``codec`` is the RFC 6381 string; numbers are 0 while unknown. Comes again when
    other ``captions`` are found in the pictures, see ``captions.channels_in``."""

    muxer: str
    rendition: str
    publication: int
    name: str
    path: str
    size: int
    kind: str
    codec: str
    timescale: int
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    captions: tuple[str, ...] = ()


class PartReady(Timed, frozen=True, kw_only=True, tag="part"):
    """``size`` bytes at ``offset`` of the segment's file are there and will not change."""

    rendition: str
    publication: int
    segment: int
    part: int
    name: str
    path: str
    offset: int
    size: int
    init: str
    is_independent: bool
    is_discontinuity: bool
    program_date_time: float


class SegmentReady(Timed, frozen=True, kw_only=True, tag="segment"):
    """A segment is complete. A gap (``is_gap``) has no file: the rendition was silent. No segment of the run is longer
    than ``target_s``, rounded; 0 while that is not known. The first ``key_bytes`` of the file are all that a decoder
    needs for the key frame that it begins with; 0 where it begins with none, and for sound."""

    rendition: str
    publication: int
    segment: int
    name: str
    path: str
    size: int
    init: str
    is_gap: bool
    is_independent: bool
    is_discontinuity: bool
    program_date_time: float
    target_s: int = 0
    key_bytes: int = 0


class SegmentStored(Timed, frozen=True, kw_only=True, tag="stored"):
    """A segment and its initialisation are objects now, for good."""

    rendition: str
    publication: int
    segment: int
    name: str
    object_key: str
    init_key: str
    size: int
    is_discontinuity: bool
    program_date_time: float
    key_bytes: int = 0


class SegmentRemoved(msgspec.Struct, frozen=True, kw_only=True, tag="removed"):
    """The segment's file has left the run folder. ``is_lost``: before anything had stored it."""

    name: str
    is_lost: bool = False


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag="run_ended"):
    """The muxer's publication is over; another one may go on from ``next_segment``."""

    muxer: str
    publication: int
    next_segment: int
    reason: str


class StreamEnded(msgspec.Struct, frozen=True, kw_only=True, tag="stream_ended"):
    """Nothing follows for good. The stream's actor decides that, not a muxer."""

    reason: str = ""


Event = (
    RunStarted
    | RenditionsPlanned
    | InitReady
    | PartReady
    | SegmentReady
    | SegmentStored
    | SegmentRemoved
    | RunEnded
    | StreamEnded
)
