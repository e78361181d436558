"""How loud a stream is: which of its sound is measured, and what the last measures say. Sans-I/O but for one class."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from media.transcode.messages import SoundLevel
from media.unit import Codec, Track, Unit

EVERY_S = 5.0
"""From the beginning of one measure to the next."""
UNITS = 14
"""Packets of one measure: a quarter of a second and more of AAC or Opus."""
SILENT_DB = -60.0
CLIPPED_SHARE = 0.0005
_KEPT = 5
_MEASURED = frozenset((Codec.AAC, Codec.OPUS))


class Levels:
    """The last measures, and what is odd about them: names of ``media.warnings``."""

    def __init__(self) -> None:
        self._last: deque[SoundLevel] = deque(maxlen=_KEPT)

    def add(self, level: SoundLevel) -> None:
        self._last.append(level)

    @property
    def loudness(self) -> float | None:
        """RMS in dB below full scale, None before the first measure."""
        return round(self._last[-1].rms_db, 1) if self._last else None

    @property
    def faults(self) -> set[str]:
        """Speech pauses, and a shout clips: it takes all of the last measures to be silent, and three to clip."""
        found: set[str] = set()
        if len(self._last) == _KEPT and all(level.rms_db < SILENT_DB for level in self._last):
            found.add("sound_silent")
        if sum(level.clipped > CLIPPED_SHARE for level in self._last) >= 3:
            found.add("sound_clipping")
        return found


class MeasuresSound(Protocol):
    """Decodes sound, in a process of its own."""

    async def sound_level(self, track: Track, units: Sequence[Unit]) -> SoundLevel | None:
        """Of these units; None when they cannot be decoded or too much else waits."""


class Listener:
    """Has some sound measured every ``EVERY_S``, one measure at a time."""

    def __init__(self, *, codecs: MeasuresSound, name: str, on_heard: Callable[[SoundLevel], None]) -> None:
        self._codecs = codecs
        self._name = name
        self._on_heard = on_heard
        self._since = 0.0
        self._units: list[Unit] = []
        self._measuring: asyncio.Task[None] | None = None

    def hear(self, unit: Unit, tracks: Sequence[Track]) -> None:
        """A packet of sound, in order."""
        if not self._units and unit.at - self._since < EVERY_S:
            return
        if not self._units:
            self._since = unit.at
        self._units.append(unit)
        if len(self._units) < UNITS:
            return
        units, self._units = self._units, []
        track = next((track for track in tracks if track.kind == "audio"), None)
        is_free = self._measuring is None or self._measuring.done()
        if track is not None and track.codec in _MEASURED and is_free:
            self._measuring = asyncio.get_running_loop().create_task(
                self._measure(track, units), name=f"sound level {self._name}"
            )

    def cancel(self) -> None:
        if self._measuring is not None:
            self._measuring.cancel()

    async def _measure(self, track: Track, units: Sequence[Unit]) -> None:
        level = await self._codecs.sound_level(track, units)
        if level is not None:
            self._on_heard(level)
