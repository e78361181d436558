"""What a stream shows while its publisher is away: a still picture and silence, as a publication of the server's own.

Its units are made once for a shape and a picture, and written again and again: nothing is encoded meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from media.hls.silence import Silence, silence
from media.transcode.messages import SlateShape
from media.transcode.tracks import RATE, aac_track
from media.unit import Track, Unit

#: How often units are written: several times within the shortest part.
STEP_S = 0.1
#: What is written at once after a pause of the loop; media that is later than this is left out.
MAX_BURST_S = 2.0
FEW_GROUPS = 8
#: Into a publication its slate is made, so that it is at hand when the publisher goes.
AHEAD_S = 10.0
#: Codecs in whose place H.264 may stand: the first is what it is, VP8 is packaged as it.
_IN_H264 = frozenset(("h264", "vp8"))
_PROFILES = {"avc1.42": "baseline", "avc1.4d": "main"}

Group = tuple[Track, list[Unit]]

log = logging.getLogger(__name__)


class SlateShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a slate has to look like: the shape of its pictures, None without any, and the channels of its sound, 0
    without any."""

    video: SlateShape | None
    channels: int

    @property
    def is_nothing(self) -> bool:
        return self.video is None and not self.channels


def shown_in_place_of(tracks: Sequence[Mapping[str, Any]]) -> SlateShown:
    """The slate for described tracks (``media.run.describe``). Nothing in place of HEVC, AV1 and VP9: H.264 in the
    middle of their rendition is not what its players were told to expect."""
    kinds = {track.get("kind"): track for track in tracks}
    video, audio = kinds.get("video"), kinds.get("audio")
    if video is not None and str(video.get("codec")) not in _IN_H264:
        return SlateShown(video=None, channels=0)
    channels = 0 if audio is None else 1 if audio.get("channels") == 1 else 2
    return SlateShown(video=_shape(video) if video is not None else None, channels=channels)


def _shape(video: Mapping[str, Any]) -> SlateShape:
    profile = _PROFILES.get(str(video.get("codecs", ""))[:7].lower(), "high")
    return SlateShape(int(video.get("width") or 1280), int(video.get("height") or 720), profile)


class MakesSlates(Protocol):
    """Encodes still pictures, in a process of its own."""

    async def slate(self, shape: SlateShape, picture: bytes) -> Group | None:
        """A WebP (empty: ours) as a group of pictures, see ``media.transcode.slate``."""


class SlateGroups:
    """The groups that were made last. ``read`` gets the bytes of a streamer's picture by its object key."""

    def __init__(self, *, codecs: MakesSlates, read: Callable[[str], Any]) -> None:
        self._codecs = codecs
        self._read = read
        self._made: OrderedDict[tuple[SlateShape, str], Group] = OrderedDict()
        self._turn = asyncio.Lock()

    async def group(self, shape: SlateShape, picture_key: str) -> Group | None:
        """Of this picture, or of ours where that cannot be read or shown. None where nothing can be made."""
        async with self._turn:
            for key in dict.fromkeys((picture_key, "")):
                if (made := await self._group(shape, key)) is not None:
                    return made
        return None

    async def _group(self, shape: SlateShape, key: str) -> Group | None:
        held = self._made.get((shape, key))
        if held is None:
            picture = await self._read(key) if key else b""
            held = None if picture is None else await self._codecs.slate(shape, picture)
            if held is None:
                return None
            self._made[shape, key] = held
            while len(self._made) > FEW_GROUPS:
                self._made.popitem(last=False)
        self._made.move_to_end((shape, key))
        return held


class SlateUnits:
    """The endless units of a slate, by their media time. Sans-I/O."""

    def __init__(self, *, group: Group | None, channels: int, media_time_ms: int) -> None:
        self._group = group[1] if group is not None else []
        self._audio = aac_track(channels) if channels else None
        self._silence: Silence | None = silence(self._audio) if self._audio is not None else None
        self.tracks = [track for track in (group[0] if group else None, self._audio) if track is not None]
        self._video_scale = group[0].timescale if group is not None else 1
        self._video_start = media_time_ms * self._video_scale // 1000
        self._audio_pts = media_time_ms * RATE // 1000
        self._audio_start = self._audio_pts
        self._number = 0

    def until(self, elapsed_s: float, *, at: float) -> Iterator[Unit]:
        """Those up to so much time after the beginning that have not been given, in order; ``at`` is the wall clock."""
        yield from self._pictures(elapsed_s, at)
        yield from self._sounds(elapsed_s, at)

    def _pictures(self, elapsed_s: float, at: float) -> Iterator[Unit]:
        while self._group and self._picture_ticks() <= elapsed_s * self._video_scale:
            unit, pts = self._group[self._number % len(self._group)], self._video_start + self._picture_ticks()
            self._number += 1
            yield msgspec.structs.replace(unit, pts=pts, dts=pts, at=at)

    def _picture_ticks(self) -> int:
        """When the next picture is shown, after the beginning. All last equally long."""
        return self._number * (self._group[1].dts - self._group[0].dts)

    def _sounds(self, elapsed_s: float, at: float) -> Iterator[Unit]:
        while self._silence is not None and self._audio_pts - self._audio_start <= elapsed_s * RATE:
            pts, self._audio_pts = self._audio_pts, self._audio_pts + self._silence.ticks
            yield Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=self._silence.data, at=at)


class SlateWriter(Protocol):
    """The publication that a slate is written to."""

    media_time_ms: int

    def configure(self, tracks: Sequence[Track]) -> None: ...
    def write(self, unit: Unit) -> None: ...
    def on_stop(self, stop: Callable[[str], None]) -> None: ...
    def close(self, reason: str) -> None: ...


class Slate:
    """Writes a slate to its publication, in real time, until that is stopped or ``for_s`` have passed."""

    def __init__(
        self, *, run: SlateWriter, groups: SlateGroups, shown: SlateShown, picture_key: str, for_s: float, name: str
    ) -> None:
        self._run = run
        self._groups = groups
        self._shown = shown
        self._picture_key = picture_key
        self._for_s = for_s
        self._task = asyncio.get_running_loop().create_task(self._write(), name=f"slate {name}")
        run.on_stop(lambda reason: self.stop())

    def stop(self) -> None:
        """Write no more. Idempotent; the publication is closed by who stops it."""
        self._task.cancel()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        began, group = loop.time(), None
        if self._shown.video is not None:
            group = await self._groups.group(self._shown.video, self._picture_key)
        if self._shown.is_nothing or (self._shown.video is not None and group is None):
            self._run.close("there is no slate for it")
            return
        # What passed while the group was made is part of the interruption.
        units = SlateUnits(group=group, channels=self._shown.channels, media_time_ms=self._run.media_time_ms)
        self._run.configure(units.tracks)
        late_s = 0.0
        while (elapsed_s := loop.time() - began - late_s) < self._for_s:
            for unit in units.until(elapsed_s, at=time.time()):
                self._run.write(unit)
            await asyncio.sleep(STEP_S)
            late_s += max(0.0, loop.time() - began - late_s - elapsed_s - MAX_BURST_S)
        self._run.close("its time is over")
