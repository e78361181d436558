"""Decides with which tracks a stream begins: sound waits a little for the first picture. Sans-I/O."""

from __future__ import annotations

from media.relay import Item, Tracks
from media.unit import Track, Unit

#: Sound waits this long for the first picture, then begins alone.
START_S = 3.0
_MAX_EARLY = 512


class Start:
    """Takes a reader's items, returns them with each track announced once it can begin.

    Until the first key frame sound is held back; after ``START_S`` of it, it goes on without the picture, which is
    announced when it comes. Pictures before a key frame are left out.
    """

    def __init__(self) -> None:
        self._tracks: tuple[Track, ...] = ()
        self._early: list[Unit] = []
        self._waits = False
        self._is_alone = False

    def feed(self, item: Item) -> list[Item]:
        if isinstance(item, Tracks):
            return self._configure(item.tracks)
        if isinstance(item, Unit):
            return self._unit(item) if self._waits else [item]
        return [*(self._alone() if self._early else []), item]

    def _configure(self, tracks: tuple[Track, ...]) -> list[Item]:
        self._waits = len(tracks) > 1 and (self._waits or not self._has_video())
        self._tracks = tracks
        if self._waits:
            return [Tracks(self._sound())] if self._is_alone else []
        return [Tracks(tracks), *self._released()]

    def _unit(self, unit: Unit) -> list[Item]:
        if unit.kind == "video":
            return self._picture(unit)
        if self._is_alone:
            return [unit]
        self._early.append(unit)
        track = self._sound()[0]
        is_long = unit.pts - self._early[0].pts >= START_S * track.timescale
        return self._alone() if is_long or len(self._early) >= _MAX_EARLY else []

    def _picture(self, unit: Unit) -> list[Item]:
        if not unit.is_key:
            return []
        self._waits = self._is_alone = False
        return [Tracks(self._tracks), *self._released(), unit]

    def _alone(self) -> list[Item]:
        self._is_alone = True
        return [Tracks(self._sound()), *self._released()]

    def _released(self) -> list[Unit]:
        early, self._early = self._early, []
        return early

    def _has_video(self) -> bool:
        return any(track.kind == "video" for track in self._tracks)

    def _sound(self) -> tuple[Track, ...]:
        return tuple(track for track in self._tracks if track.kind == "audio")
