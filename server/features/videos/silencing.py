"""Segments of sound with silence in some of their times, as objects beside those that they are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from media.hls.cmaf import read_init, track_of
from media.hls.silence import Quiet, quiet_of
from media.vod.muting import muted
from storage.objects import ObjectStore

MP4: Final = "video/mp4"
Spans = Sequence[tuple[int, int]]
"""Media time in ms, from and to, in order, apart from each other."""


class SoundSegment(msgspec.Struct, frozen=True, kw_only=True):
    """``to_key``: where the silenced one is to lie."""

    number: int
    begin_ms: float
    end_ms: float
    init_key: str
    key: str
    to_key: str


class Silencer:
    """Of one medium: what its initialisations say is read once."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._sounds: dict[str, tuple[int, Quiet]] = {}

    async def silenced(self, segment: SoundSegment, spans: Spans) -> int | None:
        """Bytes of the segment with silence in it; None where there is to be none.

        Raises ``NoSuchObject``, ``BadSegment``, and ``CannotSilence`` for sound that cannot be silenced here.
        """
        if not any(segment.begin_ms < end and segment.end_ms > begin for begin, end in spans):
            return None
        timescale, quiet = await self._sound(segment.init_key)
        rate = timescale / 1000
        ticks = [(round(begin * rate), round(end * rate)) for begin, end in spans]
        data = await self._read(segment.key)
        made = await asyncio.to_thread(muted, data, quiet=quiet, number=segment.number, spans=ticks)
        if made is None:
            return None
        await self._objects.put(segment.to_key, made.data, content_type=MP4)
        return len(made.data)

    async def _sound(self, init_key: str) -> tuple[int, Quiet]:
        if init_key not in self._sounds:
            track = track_of(read_init(await self._read(init_key)))
            self._sounds[init_key] = track.timescale, quiet_of(track)
        return self._sounds[init_key]

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])
