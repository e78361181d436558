"""The bodies of RTMP's audio and video messages: FLV tags, and the enhanced form with FourCC codes. Sans-I/O.

Sources: Adobe FLV 10.1 (annex E), Enhanced RTMP v1 and v2. A message gives one packet for each track in it; most
have one. Of the tracks other than 0 those of sound, and those in codecs that are not served, give packets of step
``other`` without data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from media.errors import ProtocolError, PublishRefused
from media.unit import Codec, Kind, Track, Unit

Step = Literal["header", "frame", "end", "other"]

VIDEO_FOURCC = {"avc1": Codec.H264, "hvc1": Codec.HEVC, "av01": Codec.AV1, "vp09": Codec.VP9}
AUDIO_FOURCC = {"mp4a": Codec.AAC, "Opus": Codec.OPUS}
_FOURCC_OF = {codec: name.encode() for name, codec in (VIDEO_FOURCC | AUDIO_FOURCC).items()}

_LEGACY_VIDEO = {7: Codec.H264, 12: Codec.HEVC}
_OTHER_VIDEO = {2: "Sorenson H.263", 3: "Screen video", 4: "VP6", 5: "VP6", 6: "Screen video", 9: "MPEG-4"}
_AAC_FORMAT, _ENHANCED_FORMAT = 10, 9
_OTHER_AUDIO = {0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 7: "G.711", 8: "G.711", 11: "Speex", 13: "legacy Opus"}
_OTHER_AUDIO |= {4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser", 14: "MP3"}

_KEY, _INTER, _COMMAND = 1, 2, 5
_SEQUENCE_START, _CODED_FRAMES, _SEQUENCE_END, _CODED_FRAMES_X = 0, 1, 2, 3
_METADATA, _MULTITRACK, _MODEX = 4, 6, 7
_AUDIO_MULTITRACK = 5
_ONE_TRACK, _MANY_CODECS = 0, 2
_WITH_COMPOSITION = frozenset((Codec.H264, Codec.HEVC))
_VIDEO_STEPS: dict[int, Step] = {0: "header", 1: "frame", 2: "end", 3: "frame"}
_AUDIO_STEPS: dict[int, Step] = {0: "header", 1: "frame", 2: "end"}


class FlvPacket(msgspec.Struct, frozen=True, gc=False):
    """What one message says of one track. ``data`` is a codec record for a header, a coded frame for a frame.

    ``composition_ms`` is pts minus dts; ``nano`` are nanoseconds to add to the message's timestamp.
    """

    kind: Kind
    codec: Codec
    step: Step
    track_id: int
    is_key: bool
    composition_ms: int
    nano: int
    data: bytes


class _Part(msgspec.Struct, frozen=True, gc=False):
    """One track's share of an enhanced message."""

    packet_type: int
    fourcc: str
    track_id: int
    data: bytes


class _Cursor:
    __slots__ = ("at", "data")

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > len(self.data):
            raise ProtocolError("a media message is cut off")
        return bytes(memoryview(self.data)[start : self.at])

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)


def parse_video(payload: bytes | bytearray) -> list[FlvPacket]:
    """The packets of a video message; none when it is empty or a player's command.

    Raises ProtocolError when malformed, PublishRefused (``unsupported``) for a codec that is not served.
    """
    if not payload:
        return []
    first = payload[0]
    if first & 0x80:
        return _enhanced_video(first, _Cursor(payload))
    frame_type, codec_id = first >> 4, first & 0x0F
    codec = _LEGACY_VIDEO.get(codec_id)
    if codec is None:
        raise _unsupported(_OTHER_VIDEO.get(codec_id, f"video codec {codec_id}"))
    if frame_type == _COMMAND:
        return []
    if len(payload) < 5:
        raise ProtocolError("a video message is cut off")
    composition = _signed24(int.from_bytes(payload[2:5], "big"))
    step: Step = _VIDEO_STEPS[payload[1]] if payload[1] < 3 else "other"
    data = bytes(memoryview(payload)[5:])
    return [FlvPacket("video", codec, step, 0, frame_type == _KEY, composition, 0, data)]


def parse_audio(payload: bytes | bytearray) -> list[FlvPacket]:
    """The packets of an audio message; see :func:`parse_video`."""
    if not payload:
        return []
    sound_format = payload[0] >> 4
    if sound_format == _ENHANCED_FORMAT:
        return _enhanced_audio(payload[0] & 0x0F, _Cursor(payload))
    if sound_format != _AAC_FORMAT:
        raise _unsupported(_OTHER_AUDIO.get(sound_format, f"audio format {sound_format}"))
    if len(payload) < 2:
        return []
    step: Step = "frame" if payload[1] else "header"
    return [FlvPacket("audio", Codec.AAC, step, 0, True, 0, 0, bytes(memoryview(payload)[2:]))]


def _unsupported(name: str) -> PublishRefused:
    return PublishRefused(
        "unsupported", f"{name} is not supported: send H.264, HEVC, AV1 or VP9 video and AAC or Opus audio"
    )


def _signed24(value: int) -> int:
    return value - 0x1000000 if value & 0x800000 else value


def _enhanced_video(first: int, cursor: _Cursor) -> list[FlvPacket]:
    cursor.at = 1
    frame_type, packet_type = (first >> 4) & 7, first & 0x0F
    packet_type, nano = _skip_modifiers(packet_type, cursor)
    if frame_type == _COMMAND and packet_type != _METADATA:
        return []
    parts = _parts(packet_type, packet_type == _MULTITRACK, cursor)
    return [_video_packet(part, is_key=frame_type == _KEY, nano=nano) for part in parts]


def _video_packet(part: _Part, *, is_key: bool, nano: int) -> FlvPacket:
    codec, step = VIDEO_FOURCC.get(part.fourcc), _VIDEO_STEPS.get(part.packet_type, "other")
    composition, data = 0, part.data
    if codec is None:
        if not part.track_id:
            raise _unsupported(f"video codec {part.fourcc!r}")
        return FlvPacket("video", Codec.H264, "other", part.track_id, False, 0, 0, b"")
    if part.packet_type == _CODED_FRAMES and codec in _WITH_COMPOSITION:
        if len(data) < 3:
            raise ProtocolError("a video message is cut off")
        composition, data = _signed24(int.from_bytes(data[:3], "big")), data[3:]
    return FlvPacket("video", codec, step, part.track_id, is_key, composition, nano, data)


def _enhanced_audio(packet_type: int, cursor: _Cursor) -> list[FlvPacket]:
    cursor.at = 1
    packet_type, nano = _skip_modifiers(packet_type, cursor)
    parts = _parts(packet_type, packet_type == _AUDIO_MULTITRACK, cursor)
    return [_audio_packet(part, nano=nano) for part in parts]


def _audio_packet(part: _Part, *, nano: int) -> FlvPacket:
    codec, step = AUDIO_FOURCC.get(part.fourcc), _AUDIO_STEPS.get(part.packet_type, "other")
    if part.track_id:
        return FlvPacket("audio", Codec.AAC, "other", part.track_id, False, 0, 0, b"")
    if codec is None:
        raise _unsupported(f"audio codec {part.fourcc!r}")
    return FlvPacket("audio", codec, step, 0, True, 0, nano, part.data)


def _skip_modifiers(packet_type: int, cursor: _Cursor) -> tuple[int, int]:
    """Read ModEx prefixes: the packet type behind them and the nanosecond offset they gave (its type 0)."""
    nano = 0
    while packet_type == _MODEX:
        size = cursor.number(1) + 1
        if size == 256:
            size = cursor.number(2) + 1
        modifier = cursor.take(size)
        types = cursor.number(1)
        packet_type = types & 0x0F
        if types >> 4 == 0:
            if size < 3:
                raise ProtocolError("a nanosecond offset is cut off")
            nano = min(int.from_bytes(modifier[:3], "big"), 999_999)
    return packet_type, nano


def _parts(packet_type: int, is_multitrack: bool, cursor: _Cursor) -> Iterator[_Part]:
    if not is_multitrack:
        yield _Part(packet_type, _fourcc(cursor), 0, cursor.rest())
        return
    types = cursor.number(1)
    layout, packet_type = types >> 4, types & 0x0F
    if layout > _MANY_CODECS:
        raise ProtocolError(f"multitrack layout {layout}")
    name = "" if layout == _MANY_CODECS else _fourcc(cursor)
    while cursor.at < len(cursor.data):
        if layout == _MANY_CODECS:
            name = _fourcc(cursor)
        track_id = cursor.number(1)
        size = len(cursor.data) - cursor.at if layout == _ONE_TRACK else cursor.number(3)
        yield _Part(packet_type, name, track_id, cursor.take(size))


def _fourcc(cursor: _Cursor) -> str:
    return cursor.take(4).decode("latin-1")


def video_header(track: Track) -> bytes:
    """The message that announces a video track: legacy for H.264, enhanced for the rest."""
    if track.codec is Codec.H264:
        return bytes((_KEY << 4 | 7, 0, 0, 0, 0)) + track.config
    return bytes((0x80 | _KEY << 4 | _SEQUENCE_START,)) + _FOURCC_OF[track.codec] + track.config


def video_frame(track: Track, unit: Unit) -> bytes:
    """The message of one video unit; composition times are rounded to milliseconds."""
    frame_type = _KEY if unit.is_key else _INTER
    composition = (round((unit.pts - unit.dts) * 1000 / track.timescale) & 0xFFFFFF).to_bytes(3, "big")
    if track.codec is Codec.H264:
        return bytes((frame_type << 4 | 7, 1)) + composition + unit.data
    head = bytes((0x80 | frame_type << 4 | _CODED_FRAMES,)) + _FOURCC_OF[track.codec]
    return head + (composition if track.codec in _WITH_COMPOSITION else b"") + unit.data


def in_track(message: bytes, track_id: int) -> bytes:
    """An enhanced or legacy H.264 video message as one of this track (Enhanced RTMP v2, multitrack of one track)."""
    if not message[0] & 0x80:
        step = _SEQUENCE_START if message[1] == 0 else _CODED_FRAMES
        message = bytes((0x80 | message[0] & 0x70 | step,)) + b"avc1" + (message[5:] if step == 0 else message[2:])
    head, step = message[0] & 0xF0, message[0] & 0x0F
    return bytes((head | _MULTITRACK, _ONE_TRACK << 4 | step)) + message[1:5] + bytes((track_id,)) + message[5:]


def audio_header(track: Track) -> bytes:
    """The message that announces an audio track: legacy for AAC, enhanced for Opus."""
    if track.codec is Codec.AAC:
        return b"\xaf\0" + track.config
    return bytes((_ENHANCED_FORMAT << 4 | _SEQUENCE_START,)) + _FOURCC_OF[track.codec] + track.config


def audio_frame(track: Track, unit: Unit) -> bytes:
    """The message of one audio unit."""
    if track.codec is Codec.AAC:
        return b"\xaf\1" + unit.data
    return bytes((_ENHANCED_FORMAT << 4 | _CODED_FRAMES,)) + _FOURCC_OF[track.codec] + unit.data
