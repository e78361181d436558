"""A stream as its index follows it: units go through real muxers into a run folder, the events to the index."""

from __future__ import annotations

from pathlib import Path

import m3u8

from media.hls.answers import Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import Event, StreamEnded
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.muxer import Muxer
from tests.media.hls.sources import mixed, pictures, sounds

NOW = BlockingQuery()


class Stream:
    """A run folder, its muxers one after the other, and the index that hears of them."""

    def __init__(self, path: Path, **options) -> None:
        self.folder = RunFolder(path=path, keep_s=options.pop("keep_s", 60))
        self.changes = 0
        self.index = LiveIndex(on_change=self._changed, **options)
        self.events: list[Event] = []
        self.publication = 0
        self.muxer: Muxer

    def _changed(self) -> None:
        self.changes += 1

    def publish(self) -> None:
        self.publication += 1
        self.muxer = Muxer(
            folder=self.folder,
            publication=self.publication,
            first_segment=self.index.next_segment(),
            part_ms=334,
            target_s=self.index.target_s if self.index.segments else 0,
        )

    def feed(self, items) -> None:
        self._apply(self.muxer.feed(items))

    def interrupt(self) -> None:
        self._apply(self.muxer.close("gone"))

    def _apply(self, events: list[Event]) -> None:
        for event in events:
            self.events.append(event)
            self.index.apply(event)

    def end(self) -> None:
        self.index.apply(StreamEnded())

    def text(self, rendition: str, **options) -> m3u8.M3U8:
        answer = self.index.media(rendition, options.pop("query", NOW), **options)
        assert isinstance(answer, Rendered)
        return m3u8.loads(answer.body.decode())


def units(seconds: float, *, from_ms: float = 0):
    return mixed(pictures(seconds, from_ms=from_ms), sounds(seconds, from_ms=from_ms))
