"""Silences the sound of a run until a moment of its media clock, packet by packet. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from media.hls.codecs import opus_ticks
from media.hls.silence import CannotSilence, Quiet, quiet_of
from media.unit import Codec, Track, Unit


class Mute:
    """``until_ms``: of the media clock; 0: nothing is silenced."""

    def __init__(self, *, until_ms: int = 0) -> None:
        self.until_ms = until_ms
        self._track: Track | None = None
        self._quiet: Quiet | None = None

    def heard(self, unit: Unit, tracks: Sequence[Track]) -> Unit | None:
        """What is handed on of a packet of sound; None for nothing, where it cannot be silenced."""
        track = next((track for track in tracks if track.kind == "audio"), None)
        if track is None or unit.pts * 1000 >= self.until_ms * track.timescale:
            return unit
        if track is not self._track:
            self._track, self._quiet = track, _quiet(track)
        if self._quiet is None:
            return None
        return msgspec.structs.replace(unit, data=self._quiet(_ticks(unit, track)))


def _quiet(track: Track) -> Quiet | None:
    try:
        return quiet_of(track)
    except CannotSilence:
        return None


def _ticks(unit: Unit, track: Track) -> int:
    """How long the packet lasts; all of AAC last equally long."""
    return opus_ticks(unit.data) * track.timescale // 48_000 if track.codec is Codec.OPUS else 0
