"""From a track's packets to units: headers, frames, and where their codecs differ. Sans-I/O."""

from __future__ import annotations

from typing import Protocol

import msgspec

from media.errors import ProtocolError
from media.rtmp import adts, flv
from media.rtmp.codecs.aac import aac_track, parse_aac
from media.rtmp.codecs.av1 import is_av1_key, without_temporal_delimiters
from media.rtmp.codecs.nal_records import nal_length_bytes
from media.rtmp.codecs.opus import opus_head, opus_samples, opus_track
from media.rtmp.codecs.video import video_track
from media.rtmp.codecs.vp9 import is_vp9_key
from media.rtmp.nals import NalReader, is_annexb, record_of, split_annexb
from media.rtmp.timeline import SampleClock
from media.unit import Codec, Track, Unit

OF_NALS = frozenset((Codec.H264, Codec.HEVC))


def line_of(packet: flv.FlvPacket, after: Line | None) -> Line:
    """The line that a header begins. Raises ProtocolError for a header that is none."""
    if packet.kind == "video":
        return VideoLine(packet=packet, after=after)
    return AudioLine(packet=packet, after=after)


class Line(Protocol):
    """What differs between a video and an audio track. ``track`` may change with a frame: with its first unit."""

    track: Track

    def units(self, packet: flv.FlvPacket, ms: float, at: float) -> list[Unit]: ...


class VideoLine:
    def __init__(self, *, packet: flv.FlvPacket, after: Line | None) -> None:
        self.track = video_track(packet.codec, packet.data)
        self._reader: NalReader | None = None
        if packet.codec in OF_NALS:
            width = nal_length_bytes(packet.codec, packet.data)
            self._reader = NalReader(codec=packet.codec, record=self.track.config, length_bytes=width)
        self._last: int = after._last if isinstance(after, VideoLine) else -1

    def units(self, packet: flv.FlvPacket, ms: float, at: float) -> list[Unit]:
        data, is_key = self._payload(packet)
        if not data:
            return []
        dts = max(round(ms * 90), self._last + 1)
        self._last = dts
        pts = max(dts, dts + packet.composition_ms * 90)
        return [Unit(kind="video", pts=pts, dts=dts, is_key=is_key, data=data, at=at)]

    def _payload(self, packet: flv.FlvPacket) -> tuple[bytes, bool]:
        """The bits say what is a key frame: what the message says of it is wrong with some encoders."""
        if self._reader is not None:
            data, is_key = self._reader.read(packet.data)
            self._follow(self._reader.record)
            return data, is_key
        if self.track.codec is Codec.AV1:
            return without_temporal_delimiters(packet.data), is_av1_key(packet.data)
        return packet.data, is_vp9_key(packet.data)

    def _follow(self, record: bytes) -> None:
        if record != self.track.config:
            self.track = video_track(self.track.codec, record)


class AudioLine:
    def __init__(self, *, packet: flv.FlvPacket, after: Line | None) -> None:
        is_aac = packet.codec is Codec.AAC
        self.track = aac_track(packet.data) if is_aac else opus_track(packet.data)
        self._samples = parse_aac(packet.data).unit_samples if is_aac else 0
        self._clock = SampleClock(rate=self.track.timescale)
        if isinstance(after, AudioLine) and after.track.timescale == self.track.timescale:
            self._clock = after._clock

    def units(self, packet: flv.FlvPacket, ms: float, at: float) -> list[Unit]:
        length_ms = self._samples * 1000 / self.track.timescale
        return [self._unit(data, ms + n * length_ms, at) for n, data in enumerate(self._payloads(packet.data))]

    def _payloads(self, data: bytes) -> list[bytes]:
        if self._samples and adts.is_adts(data):
            return adts.access_units(data)
        return [data] if data else []

    def _unit(self, data: bytes, ms: float, at: float) -> Unit:
        pts = self._clock.place(ms, self._samples or opus_samples(data))
        return Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=data, at=at)


def tells_its_header(packet: flv.FlvPacket) -> bool:
    """Whether a frame that no header came before says itself what a header would."""
    if packet.codec is Codec.AAC:
        return adts.is_adts(packet.data)
    return packet.codec is Codec.OPUS or (packet.codec in OF_NALS and _record(packet) is not None)


def _record(packet: flv.FlvPacket) -> bytes | None:
    return record_of(packet.codec, split_annexb(packet.data)) if is_annexb(packet.data) else None


def headless(packet: flv.FlvPacket) -> flv.FlvPacket:
    """The header that this packet stands for."""
    if packet.codec is Codec.AAC:
        data = adts.config_of(packet.data)
    elif packet.codec is Codec.OPUS:
        data = opus_head(packet.data)
    elif (record := _record(packet)) is not None:
        data = record
    else:
        raise ProtocolError("a video header has no parameter sets")
    return msgspec.structs.replace(packet, step="header", data=data)
