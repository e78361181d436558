"""What the tests of this folder publish into, and the encoder they publish with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import imageio_ffmpeg

from media.errors import PublishRefused
from media.publication import PublishRequest
from media.unit import Track, Unit

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()


class Recording:
    """A publication that keeps what it is given."""

    def __init__(self, *, media_time_ms: int = 0) -> None:
        self.media_time_ms = media_time_ms
        self.patience_s = 0.0
        self.configured: list[tuple[Track, ...]] = []
        self.units: list[Unit] = []
        self.renditions: dict[int, list[Track]] = {}
        self.rendition_units: list[tuple[int, Unit]] = []
        self.warnings: list[str] = []
        self.reason: str | None = None
        self.stop: Callable[[str], None] | None = None
        self.has_units = asyncio.Event()
        self.is_closed = asyncio.Event()

    def configure(self, tracks: Sequence[Track]) -> None:
        self.configured.append(tuple(tracks))

    def write(self, unit: Unit) -> None:
        assert self.configured, "a unit before the tracks"
        self.units.append(unit)
        self.has_units.set()

    def warn(self, name: str) -> None:
        self.warnings.append(name)

    def close(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            self.is_closed.set()

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self.stop = stop

    def configure_rendition(self, track_id: int, track: Track) -> None:
        self.renditions.setdefault(track_id, []).append(track)

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        self.rendition_units.append((track_id, unit))

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        """RTMP cannot ask."""

    def of(self, kind: str) -> list[Unit]:
        return [unit for unit in self.units if unit.kind == kind]

    def track(self, kind: str) -> Track:
        return next(track for track in self.configured[-1] if track.kind == kind)


class RecordingIngest:
    """Authorises the key ``good`` for one publisher at a time and keeps all recordings and requests."""

    def __init__(self) -> None:
        self.requests: list[PublishRequest] = []
        self.recordings: list[Recording] = []
        self.opened = asyncio.Event()

    async def authorize(self, request: PublishRequest) -> Recording:
        self.requests.append(request)
        if request.key != "good":
            raise PublishRefused("bad_name", "there is no such stream key")
        if any(recording.reason is None for recording in self.recordings):
            raise PublishRefused("busy", "somebody is publishing with this key")
        recording = Recording()
        self.recordings.append(recording)
        self.opened.set()
        return recording


async def ffmpeg(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        FFMPEG, "-hide_banner", "-loglevel", "info", "-nostdin", *arguments, stderr=asyncio.subprocess.PIPE
    )


async def finished(process: asyncio.subprocess.Process, *, within_s: float = 60.0) -> str:
    """Wait for the encoder to end by itself; what it said."""
    _, said = await asyncio.wait_for(process.communicate(), within_s)
    return said.decode(errors="replace")
