"""A stream's index from the rows of its recording, by the events that its packager would send."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from media.hls.events import InitReady, RunEnded, RunStarted, SegmentReady, SegmentRemoved, SegmentStored
from media.hls.index import LiveIndex
from storage.recording import Init, Recordings, Segment

PAGE: Final = 2_000
"""Rows of one statement; more than a stream has renditions."""
SLICE: Final = 100
"""Rows between two turns of the loop: about 3 ms."""


async def read_recording(index: LiveIndex, recordings: Recordings, stream_id: str) -> bool:
    """Fill an empty index; False when nothing was recorded. Twelve hours are 43,200 rows and about 1.2 s of CPU, in
    slices between which the loop sees to everything else. Raises ``Unavailable``."""
    replay = Replay(index, await recordings.inits(stream_id))
    following, is_last = 0, False
    while not is_last:
        rows = await recordings.segments(stream_id, from_segment=following, limit=PAGE)
        is_last = len(rows) < PAGE
        if not is_last:
            # The last number of a page may lack some of its renditions.
            following = rows[-1].segment
            rows = [row for row in rows if row.segment < following]
        for at in range(0, len(rows), SLICE):
            replay.take(rows[at : at + SLICE])
            await asyncio.sleep(0)
    return replay.finish()


class Replay:
    """Applies rows to an index as events. ``take`` wants them by number, at most once each; ``finish`` comes last and
    answers whether there were any."""

    def __init__(self, index: LiveIndex, inits: Sequence[Init]) -> None:
        self._index = index
        self._inits = {(init.rendition, init.name): msgspec.convert(init.info, InitReady) for init in inits}
        self._renditions = _renditions(self._inits.values())
        self._applied: set[str] = set()
        self._run: RunStarted | None = None

    def take(self, rows: Sequence[Segment]) -> None:
        for row in sorted(rows, key=lambda row: (row.segment, row.rendition != "video")):
            init = self._inits.get((row.rendition, row.init_name))
            if init is not None:
                self._tell(row, init)

    def _tell(self, row: Segment, init: InitReady) -> None:
        if self._run is None or self._run.publication != row.publication:
            names = self._renditions[row.publication]
            self._run = RunStarted(
                muxer=init.muxer, publication=row.publication, leader=names[0], renditions=tuple(names)
            )
            self._index.apply(self._run)
        if row.init_name not in self._applied:
            self._applied.add(row.init_name)
            self._index.apply(init)
        for event in _as_events(row, init):
            self._index.apply(event)

    def finish(self) -> bool:
        run = self._run
        if run is None:
            return False
        following = self._index.next_segment(run.muxer)
        self._index.apply(run_ended(run.muxer, run.publication, following, "as it was recorded"))
        return True


def _renditions(inits: Iterable[InitReady]) -> dict[int, list[str]]:
    """The renditions of each publication, its leader first."""
    found: dict[int, list[str]] = {}
    for init in sorted(inits, key=lambda init: (init.rendition != "video", init.rendition)):
        names = found.setdefault(init.publication, [])
        if init.rendition not in names:
            names.append(init.rendition)
    return found


def run_ended(muxer: str, publication: int, next_segment: int, reason: str) -> RunEnded:
    return RunEnded(muxer=muxer, publication=publication, next_segment=next_segment, reason=reason)


def _as_events(row: Segment, init: InitReady) -> Sequence[SegmentReady | SegmentStored | SegmentRemoved]:
    name = f"{row.rendition}/{row.publication}/{row.segment}{f'-{row.edition}' if row.edition else ''}.m4s"
    start = round(row.media_time_ms * init.timescale / 1000)
    duration = round(row.duration_ms * init.timescale / 1000)
    began = row.started_at.timestamp()
    ready = SegmentReady(
        rendition=row.rendition, publication=row.publication, segment=row.segment, name=name, path="", size=row.bytes,
        init=row.init_name, media_time=start, duration=duration, timescale=init.timescale, is_gap=False,
        is_independent=init.kind != "video" or row.key_bytes > 0, is_discontinuity=row.is_discontinuity,
        program_date_time=began, key_bytes=row.key_bytes,
    )  # fmt: skip
    stored = SegmentStored(
        rendition=row.rendition, publication=row.publication, segment=row.segment, name=name,
        object_key=row.object_key, init_key=row.init_key, size=row.bytes, media_time=start, duration=duration,
        timescale=init.timescale, is_discontinuity=row.is_discontinuity, program_date_time=began,
    )  # fmt: skip
    return ready, stored, SegmentRemoved(name=name)
