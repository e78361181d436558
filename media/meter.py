"""What arrives from a publisher, as its owner is shown it: rates, key frame interval, lateness, warnings. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from media.loudness import Levels
from media.transcode.messages import SoundLevel
from media.unit import Codec, Kind, Track, Unit
from media.warnings import WARNINGS

WINDOW_S = 5.0
LONG_GOP_S = 4.5
NO_KEY_S = 12.0
LOW_FPS_SHARE = 0.8
HIGH_JITTER_MS = 100.0
#: What happens now and then is shown for so long.
SHOWN_S = 60.0
OUT_OF_STEP_S = 1.0
_STEP_SHARE = 1 / 64
_NOW_AND_THEN = frozenset(("timestamps_jump", "timestamps_drift", "track_paused", "item_skipped"))
_NOT_EVERYWHERE = frozenset((Codec.HEVC, Codec.AV1, Codec.VP8, Codec.VP9))


class Meter:
    """Counts units. ``at`` is the wall clock of the newest one, ``media_time_ms`` the end of its media."""

    def __init__(self, *, protocol: str, remote: str, media_time_ms: int) -> None:
        self.at = 0.0
        self.media_time_ms = media_time_ms
        self._protocol = protocol
        self._remote = remote
        self._tracks: dict[str, Track] = {}
        self._recent: deque[tuple[float, int, bool]] = deque()
        self._bytes = 0
        self._frames = 0
        self._key_time_s: float | None = None
        self._keyframe_interval_s = 0.0
        self._jitter_s = 0.0
        self._transit_s: float | None = None
        self._newest: tuple[float, float] | None = None
        """When the last frame was read, and its transit."""
        self._has_b_frames = False
        self._key_at: float | None = None
        self._began_at: float | None = None
        self._heard_at: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._open_gop_at: float | None = None
        self._key_pts = 0
        self._delays_s: dict[str, float] = {}
        self._sound = Levels()
        self._left_out: frozenset[str] = frozenset()
        self.ladder_trouble = ""
        """Why not all renditions are made of it, a name of ``WARNINGS``; empty while they are."""
        self.track_trouble = ""
        """What is odd about the renditions that the encoder sends, likewise."""
        self.source_trouble = ""
        """Why another source is on the air than the main one, likewise."""
        self.sources: Sequence[dict[str, Any]] = ()
        """Who publishes, see ``media.switch``."""

    def warn(self, name: str) -> None:
        """The ingest has found this odd in the publisher's packets: a name of ``WARNINGS``."""
        self._told[name] = self.at

    def hear(self, level: SoundLevel) -> None:
        """Some of the sound has been measured."""
        self._sound.add(level)

    def leave_out(self, codecs: Sequence[str]) -> None:
        """The packager has no use for tracks in these codecs; for all others it has."""
        self._left_out = frozenset(codecs)

    def configure(self, tracks: Sequence[Track]) -> None:
        self._tracks = {track.kind: track for track in tracks}

    def count(self, unit: Unit) -> None:
        """Take one unit into the figures."""
        track = self._tracks.get(unit.kind)
        if track is None:
            return
        self.at = self._heard_at[unit.kind] = unit.at
        if self._began_at is None:
            self._began_at = unit.at
        is_frame = unit.kind == "video"
        self._recent.append((unit.at, len(unit.data), is_frame))
        self._bytes += len(unit.data)
        self._frames += is_frame
        self._forget_old(unit.at)
        time_s = unit.dts / track.timescale
        self._note_delay(unit.kind, unit.at - time_s)
        self.media_time_ms = max(self.media_time_ms, round(time_s * 1000))
        if is_frame:
            self._count_frame(unit, time_s)

    def _note_delay(self, kind: str, delay_s: float) -> None:
        """How late units of a kind come by their own time stamps, smoothed."""
        before = self._delays_s.get(kind, delay_s)
        self._delays_s[kind] = before + (delay_s - before) * _STEP_SHARE

    def _count_frame(self, unit: Unit, time_s: float) -> None:
        if unit.is_key:
            self._key_pts = unit.pts
        elif unit.pts < self._key_pts:
            self._open_gop_at = unit.at
        self._has_b_frames = self._has_b_frames or unit.pts != unit.dts
        if unit.is_key or self._key_at is None:
            self._key_at = unit.at
        if unit.is_key:
            if self._key_time_s is not None:
                self._keyframe_interval_s = time_s - self._key_time_s
            self._key_time_s = time_s
        self._count_transit(unit.at, time_s)

    def _count_transit(self, at: float, time_s: float) -> None:
        """Interarrival jitter as RTP has it (RFC 3550, section 6.4.1). Of frames that were read at once the last one
        counts, since the others have waited for it."""
        if self._newest is not None and at != self._newest[0]:
            transit_s = self._newest[1]
            if self._transit_s is not None:
                self._jitter_s += (abs(transit_s - self._transit_s) - self._jitter_s) / 16
            self._transit_s = transit_s
        self._newest = (at, at - time_s)

    def _forget_old(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - WINDOW_S:
            _, size, is_frame = self._recent.popleft()
            self._bytes -= size
            self._frames -= is_frame

    @property
    def bit_rates(self) -> dict[Kind, int]:
        """Bits/s of the last seconds, by kind of track."""
        span_s = self._span_s
        video = sum(size for _, size, is_frame in self._recent if is_frame)
        return {"video": round(video * 8 / span_s), "audio": round((self._bytes - video) * 8 / span_s)}

    @property
    def _span_s(self) -> float:
        return max(self._recent[-1][0] - self._recent[0][0], 0.2) if len(self._recent) > 1 else WINDOW_S

    def health(self, *, dropped_units: int) -> dict[str, Any]:
        """The owner's panel, as the contract names its fields."""
        span_s = self._span_s
        video, audio = self._tracks.get("video"), self._tracks.get("audio")
        fps = round(max(0, self._frames - 1) / span_s, 2)
        names = self._names(fps)
        return {
            "codec": str(video.codec) if video else None,
            "width": video.width if video else 0,
            "height": video.height if video else 0,
            "fps": fps,
            "bitrate": round(self._bytes * 8 / span_s),
            "keyframe_interval": round(self._keyframe_interval_s, 3),
            "audio": _audio(audio),
            "dropped_frames": dropped_units,
            "jitter_ms": round(self._jitter_s * 1000, 1),
            "protocol": self._protocol,
            "sources": list(self.sources),
            "warnings": [WARNINGS[name].sentence for name in names],
            "warning_names": names,
            "faults": [{"name": name, **msgspec.structs.asdict(WARNINGS[name])} for name in names],
            "loudness": self._sound.loudness if audio is not None else None,
        }

    def _names(self, fps: float) -> list[str]:
        video, audio = self._tracks.get("video"), self._tracks.get("audio")
        found = {*self._of_picture(video, fps), *self._of_sound(audio), self.ladder_trouble, self.track_trouble}
        found.add(self.source_trouble)
        found |= {"too_many_tracks", "track_malformed"} & self._told.keys()
        return [name for name in WARNINGS if name in found]

    def _of_picture(self, video: Track | None, fps: float) -> set[str]:
        if video is None:
            return {"picture_without_header"} & self._told.keys() or {"no_picture"}
        told = {
            "no_picture": self._is_away("video"),
            "no_key_frame": self._key_at is not None and self.at - self._key_at > NO_KEY_S,
            "long_key_frame_interval": self._keyframe_interval_s > LONG_GOP_S,
            "low_frame_rate": 0 < fps < video.fps * LOW_FPS_SHARE,
            "unsteady_network": self._jitter_s * 1000 > HIGH_JITTER_MS,
            "b_frames": self._has_b_frames,
            "open_gop": self._open_gop_at is not None and self.at - self._open_gop_at < SHOWN_S,
            "out_of_step": self._is_out_of_step,
            **{name: self.at - self._told.get(name, float("-inf")) < SHOWN_S for name in _NOW_AND_THEN},
            "picture_left_out": video.codec in self._left_out,
            str(video.codec): video.codec in _NOT_EVERYWHERE,
        }
        return {name for name, is_so in told.items() if is_so}

    def _of_sound(self, audio: Track | None) -> set[str]:
        if audio is None:
            return {"sound_without_header"} & self._told.keys() or {"no_sound"}
        found = {"sound_malformed"} & self._told.keys() | self._sound.faults
        if audio.codec in self._left_out:
            found.add("sound_left_out")
        return found | {"no_sound"} if self._is_away("audio") else found

    @property
    def _is_out_of_step(self) -> bool:
        """Whether what belongs together by its time stamps arrives far apart: encoders send it side by side."""
        both = [
            self._delays_s[kind] for kind in ("video", "audio") if kind in self._delays_s and not self._is_away(kind)
        ]
        return len(both) == 2 and abs(both[0] - both[1]) > OUT_OF_STEP_S

    def _is_away(self, kind: str) -> bool:
        """Whether nothing of an announced track has come for some seconds."""
        return self._began_at is not None and self.at - self._heard_at.get(kind, self._began_at) > WINDOW_S


def _audio(track: Track | None) -> dict[str, Any] | None:
    if track is None:
        return None
    return {"codec": str(track.codec), "sample_rate": track.sample_rate, "channels": track.channels}
