"""The video tracks beside track 0: renditions that the encoder makes itself (Enhanced RTMP v2, multitrack). Sans-I/O.

They share track 0's clock: what stands at the same timestamp is the same moment. One that is malformed, or of which
there are too many, is left out, and the publication goes on without it.
"""

from __future__ import annotations

from collections import OrderedDict

from media.errors import ProtocolError
from media.publication import Publication
from media.rtmp import flv
from media.rtmp.nals import is_annexb
from media.rtmp.track_units import OF_NALS, Line, headless, line_of, tells_its_header

MAX_TRACKS = 9
MAX_MALFORMED = 50
_MAX_PLACES = 256
_WRAP, _HALF = 1 << 32, 1 << 31


class ExtraVideo:
    """Feeds one publication's renditions."""

    def __init__(self, *, publication: Publication) -> None:
        self._publication = publication
        self._lines: dict[int, Line] = {}
        self._malformed: dict[int, int] = {}
        self._places: OrderedDict[int, float] = OrderedDict()

    def place(self, timestamp: int, ms: float) -> None:
        """A frame of track 0 with this timestamp lies at ``ms`` of the stream's media clock."""
        self._places[timestamp] = ms
        self._places.move_to_end(timestamp)
        if len(self._places) > _MAX_PLACES:
            self._places.popitem(last=False)

    def take(self, packet: flv.FlvPacket, timestamp: int, at: float) -> None:
        """A header or a frame of one of the tracks; ``at`` is the wall clock. Frames before the first of track 0 are
        left out."""
        track_id = packet.track_id
        if self._malformed.get(track_id, 0) > MAX_MALFORMED:
            return
        if track_id not in self._lines and len(self._lines) >= MAX_TRACKS:
            self._publication.warn("too_many_tracks")
            return
        try:
            if packet.step == "header":
                self._header(packet)
            elif (ms := self._media_ms(timestamp)) is not None:
                self._frame(packet, ms + packet.nano / 1_000_000, at)
        except ProtocolError:
            self._malformed[track_id] = self._malformed.get(track_id, 0) + 1
            self._publication.warn("track_malformed")

    def _header(self, packet: flv.FlvPacket) -> None:
        before = self._lines.get(packet.track_id)
        if packet.codec in OF_NALS and is_annexb(packet.data):
            packet = headless(packet)
        line = line_of(packet, before)
        if before is None or before.track != line.track:
            self._lines[packet.track_id] = line
            self._publication.configure_rendition(packet.track_id, line.track)

    def _frame(self, packet: flv.FlvPacket, ms: float, at: float) -> None:
        if packet.track_id not in self._lines and tells_its_header(packet):
            self._header(headless(packet))
        line = self._lines.get(packet.track_id)
        if line is None or line.track.codec is not packet.codec:
            return
        track = line.track
        units = line.units(packet, ms, at)
        if line.track != track:
            self._publication.configure_rendition(packet.track_id, line.track)
        for unit in units:
            self._publication.write_rendition(packet.track_id, unit)

    def _media_ms(self, timestamp: int) -> float | None:
        """Where track 0 has this timestamp; else as far from its last frame as the timestamps are apart."""
        exact = self._places.get(timestamp)
        if exact is not None or not self._places:
            return exact
        last = next(reversed(self._places))
        return self._places[last] + signed_difference(timestamp - last)


def signed_difference(difference: int) -> int:
    """A difference of 32-bit timestamps as the shorter way around."""
    difference %= _WRAP
    return difference - _WRAP if difference >= _HALF else difference
