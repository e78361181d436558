"""What the media process and its codec workers say to each other: length-prefixed msgpack on a socket pair. Sans-I/O.

A frame is a 4-byte big-endian length and one message. A *job* is a list of *lanes*: what one source is to be turned
into. Every unit of a lane's kind goes through that lane. There is one job at a time; a new one ends the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from media.errors import MediaError
from media.transcode.ladder import Tier
from media.transcode.stage_messages import StageJob, StageMade, StageSeats, StageTick, StageTracks, StageUnit
from media.unit import Track, Unit

MAX_FRAME_BYTES = 40 * 1024 * 1024
_PREFIX_BYTES = 4


class CodecLane(msgspec.Struct, frozen=True, kw_only=True):
    """From one track to another.

    Of a video target only the codec counts: its size and configuration are known once there is a picture (``Opened``).
    0 for ``max_height`` and ``max_fps`` is as the source has it.
    """

    source: Track
    target: Track
    bit_rate: int
    max_height: int = 0
    max_fps: int = 0


class Job(msgspec.Struct, frozen=True, tag="job", array_like=True):
    """Begin: units that follow are for these lanes."""

    number: int
    lanes: tuple[CodecLane, ...]


class LadderJob(msgspec.Struct, frozen=True, tag="ladder", array_like=True):
    """Begin: video units that follow are decoded once and encoded for each tier, from the pts after ``after`` on. A
    tier's index stands for a lane's in the answers. ``part_ms``: as in ``LadderLane``.
    """

    number: int
    source: Track
    tiers: tuple[Tier, ...]
    after: int = -1
    part_ms: int = 0


class DecodeUnits(msgspec.Struct, frozen=True, tag="feed", array_like=True):
    """Units of the job's sources, in order."""

    units: list[Unit]


class Finish(msgspec.Struct, frozen=True, tag="finish", array_like=True):
    """Nothing follows in this job: give what is still held, then say ``Finished``."""


class MakePicture(msgspec.Struct, frozen=True, tag="picture", array_like=True):
    """Make a picture of this key frame; answered by ``PictureMade``."""

    number: int
    track: Track
    unit: Unit


class SlateShape(msgspec.Struct, frozen=True, array_like=True):
    """Of an H.264 picture. ``profile``: ``baseline``, ``main`` or ``high``."""

    width: int
    height: int
    profile: str


class MakeSlate(msgspec.Struct, frozen=True, tag="slate", array_like=True):
    """Make a group of pictures of this still one (a WebP; empty: ours); answered by ``SlateMade``."""

    number: int
    shape: SlateShape
    picture: bytes


class SoundLevel(msgspec.Struct, frozen=True, array_like=True):
    """``rms_db``: below full scale, -120 for silence. ``clipped``: the share of samples at full scale."""

    rms_db: float
    clipped: float


class MeasureSound(msgspec.Struct, frozen=True, tag="measure", array_like=True):
    """Say how loud these packets are; answered by ``SoundMeasured``."""

    number: int
    track: Track
    units: list[Unit]


class WorkerReady(msgspec.Struct, frozen=True, tag="ready", array_like=True):
    """The worker has its codecs loaded."""


class Opened(msgspec.Struct, frozen=True, tag="opened", array_like=True):
    """What this lane makes from here on."""

    job: int
    lane: int
    track: Track


class Made(msgspec.Struct, frozen=True, tag="made", array_like=True):
    """What became of one ``DecodeUnits``: ``units`` are pairs of a lane's index and a unit; ``bad`` could not be
    decoded.
    """

    job: int
    units: list[tuple[int, Unit]]
    fed: int
    bad: int


class Finished(msgspec.Struct, frozen=True, tag="finished", array_like=True):
    """The job is over."""

    job: int


class PictureMade(msgspec.Struct, frozen=True, tag="pictured", array_like=True):
    """The picture, or None if the unit cannot be shown."""

    number: int
    picture: bytes | None


class SlateMade(msgspec.Struct, frozen=True, tag="slated", array_like=True):
    """The group of pictures; ``track`` is None if there is none of this picture or shape."""

    number: int
    track: Track | None
    units: list[Unit]


class SoundMeasured(msgspec.Struct, frozen=True, tag="measured", array_like=True):
    """The level, or None if they cannot be decoded."""

    number: int
    level: SoundLevel | None


StageOrder = StageJob | StageSeats | StageTracks | StageUnit | StageTick
Order = Job | LadderJob | DecodeUnits | Finish | MakePicture | MakeSlate | MeasureSound | StageOrder
WorkerAnswer = WorkerReady | Opened | Made | Finished | PictureMade | SlateMade | SoundMeasured | StageMade

_encoder = msgspec.msgpack.Encoder()
orders = msgspec.msgpack.Decoder(Order)
answers = msgspec.msgpack.Decoder(WorkerAnswer)


class BadFrameError(MediaError):
    """The other side does not speak this protocol (any more)."""


def pack(message: Order | WorkerAnswer) -> bytes:
    """The frame of a message."""
    body = _encoder.encode(message)
    return len(body).to_bytes(_PREFIX_BYTES, "big") + body


class Frames:
    """Bytes in, bodies of whole frames out. Holds at most one unfinished frame."""

    def __init__(self, *, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Bodies that are complete now. Raises ``BadFrameError`` for one that is too long."""
        self._buffer += data
        while (body := self._next()) is not None:
            yield body

    def _next(self) -> bytes | None:
        if len(self._buffer) < _PREFIX_BYTES:
            return None
        length = int.from_bytes(self._buffer[:_PREFIX_BYTES], "big")
        if length > self._max_bytes:
            raise BadFrameError(f"a frame of {length} bytes")
        end = _PREFIX_BYTES + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_PREFIX_BYTES:end])
        del self._buffer[:end]
        return body
