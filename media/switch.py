"""The sources of one publication: its main publisher and a backup, one of which is on the air. Sans-I/O.

The source on the air is written to the run as it is. The other one is parsed and held for a few seconds. When the
source on the air is silent, or has gone, the other one takes its place at a key frame after the last picture that was
given out, on the same media clock; sound goes on from where it stopped. The run never ends while it has a source.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from media.errors import PublishRefused
from media.publication import Publication
from media.unit import Kind, Track, Unit

Role = Literal["main", "backup"]

#: A source that was not heard for so long is silent. Looked at every ``TICK_S``.
SILENT_S = 2.0
TICK_S = 0.5
#: A tick that is so late finds that this process stood still itself: what arrived is read before the next one.
LATE_TICK_S = 1.0
#: The main source is on the air again after so long without silence.
WELL_S = 10.0
#: What is held of a source that is not on the air.
HELD_S = 5.0
MAX_HELD_UNITS = 2_048
MAX_HELD_BYTES = 16 * 1024 * 1024
#: A clock that is off the run's by more than this is put right at the switch.
CLOCK_OFF_S = 1.0
#: How far a picture that came too early for the switch is put off, so that it need not wait for the next key frame.
MAX_PUT_OFF_S = 0.5
FRAME_S = 0.02
#: How often a source that is not on the air wakes the process up.
STANDBY_PATIENCE_S = 0.15

log = logging.getLogger(__name__)


class SwitchedRun(Publication, Protocol):
    """What the sources are written to."""

    def note_sources(self, sources: Sequence[dict[str, Any]], trouble: str) -> None:
        """Who publishes, for the owner; ``trouble`` is a name of ``WARNINGS`` or empty."""


class Source:
    """One publisher of the run: the ``Publication`` that its ingest writes to."""

    def __init__(self, *, switch: Switch, role: Role, protocol: str, is_first: bool, now: float) -> None:
        """``is_first``: its clock is that of the run."""
        self.role: Role = role
        self.protocol = protocol
        self.tracks: tuple[Track, ...] = ()
        self.renditions: dict[int, Track] = {}
        self.heard_at = self.well_since = now
        self.held: deque[Unit] = deque()
        self.shift_s = 0.0
        """What is added to its clock for the run's."""
        self._held_bytes = 0
        self._scales: dict[Kind, int] = {}
        self._switch = switch
        self._is_first = is_first
        self._media_time_ms: int | None = None
        self._stop: Callable[[str], None] | None = None
        self._want_keyframe: Callable[[], None] | None = None

    @property
    def media_time_ms(self) -> int:
        return self._switch.media_time_ms if self._is_first else self._media_time_ms or 0

    @property
    def patience_s(self) -> float:
        return self._switch.patience_of(self)

    def configure(self, tracks: Sequence[Track]) -> None:
        if self._media_time_ms is None:
            self._media_time_ms = self._switch.now_ms()
        if tuple(tracks) != self.tracks:
            self.drop_held()
        self.tracks = tuple(tracks)
        self._scales = {track.kind: track.timescale for track in tracks}
        self._switch.configured(self)

    def write(self, unit: Unit) -> None:
        self._switch.write(self, unit)

    def configure_rendition(self, track_id: int, track: Track) -> None:
        self.renditions[track_id] = track
        self._switch.configured_rendition(self, track_id, track)

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        self._switch.write_rendition(self, track_id, unit)

    def warn(self, name: str) -> None:
        self._switch.warn(self, name)

    def close(self, reason: str) -> None:
        self._switch.leave(self, reason)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self._stop = stop

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        self._want_keyframe = want

    # for the switch

    @property
    def has_video(self) -> bool:
        return any(track.kind == "video" for track in self.tracks)

    def seconds(self, unit: Unit) -> float:
        """The unit's decode time on this source's clock."""
        return unit.dts / self._scales.get(unit.kind, 1)

    def hold(self, unit: Unit) -> None:
        """Keep the last ``HELD_S``, within bounds."""
        self.held.append(unit)
        self._held_bytes += len(unit.data)
        while self.held and (
            self.held[0].at < unit.at - HELD_S or len(self.held) > MAX_HELD_UNITS or self._held_bytes > MAX_HELD_BYTES
        ):
            self._held_bytes -= len(self.held.popleft().data)

    def drop_held(self) -> None:
        self.held.clear()
        self._held_bytes = 0

    def heard(self, now: float) -> None:
        if now - self.heard_at > SILENT_S:
            self.well_since = now
        self.heard_at = now

    def is_silent(self, now: float) -> bool:
        return now - self.heard_at > SILENT_S

    def shifted(self, unit: Unit) -> Unit:
        """The unit on the run's clock."""
        if not self.shift_s:
            return unit
        ticks = round(self.shift_s * self._scales.get(unit.kind, 1))
        return msgspec.structs.replace(unit, pts=unit.pts + ticks, dts=unit.dts + ticks)

    def stop(self, reason: str) -> None:
        if self._stop is not None:
            self._stop(reason)

    def want_keyframe(self) -> None:
        if self._want_keyframe is not None:
            self._want_keyframe()


class Switch:
    """All sources of one run, the main one and a backup at most. ``clock`` is monotonic; ``tick`` is to be called every
    ``TICK_S`` while there are two."""

    def __init__(self, *, run: SwitchedRun, name: str, clock: Callable[[], float]) -> None:
        self._run = run
        self._name = name
        self._clock = clock
        self._sources: dict[Role, Source] = {}
        self._active: Source | None = None
        self._due: Source | None = None
        """Takes the air at its next key frame that fits."""
        self._last_s: dict[Kind, float] = {}
        """Decode times up to which units were given out, on the run's clock."""
        self._written_at = clock()
        self._ticked_at = clock()
        self._is_over = False
        run.on_stop(self._stop)
        run.on_keyframe_wanted(self._want_keyframe)

    @property
    def has_both(self) -> bool:
        return len(self._sources) > 1

    def join(self, role: Role, *, protocol: str) -> Source:
        """A new source. Raises ``PublishRefused``: ``busy`` where there is one in this role."""
        if self._is_over:
            raise PublishRefused("unavailable", "The stream's publication is just ending: try again in a moment.")
        if role in self._sources:
            raise PublishRefused("busy", "Somebody is publishing this stream already.")
        now, is_first = self._clock(), not self._sources and not self._last_s
        source = Source(switch=self, role=role, protocol=protocol, is_first=is_first, now=now)
        self._sources[role] = source
        if self._active is None and self._due is None:
            self._active = source
        else:
            log.info("%s: its %s source is there, over %s", self._name, role, protocol)
        self._ticked_at = now
        self._tell()
        return source

    def tick(self) -> None:
        """Look for silence."""
        now, before = self._clock(), self._ticked_at
        self._ticked_at = now
        if now - before > TICK_S + LATE_TICK_S:
            return
        if self._active is not None and not self._active.is_silent(now):
            self._due = None
        else:
            self._replace(now)
        self._tell()

    def _replace(self, now: float) -> None:
        """Another source that is well takes the place of the one on the air, the main one first."""
        for source in (self._sources.get("main"), self._sources.get("backup")):
            if source is not None and source is not self._active and source.tracks and not source.is_silent(now):
                self._want(source)
                return

    def leave(self, source: Source, reason: str) -> None:
        """A source has gone. Idempotent; the run ends with the last one."""
        if self._sources.get(source.role) is not source:
            return
        del self._sources[source.role]
        source.drop_held()
        if self._due is source:
            self._due = None
        other = next(iter(self._sources.values()), None)
        if other is None:
            self._is_over = True
            self._run.close(reason)
            return
        log.info("%s: its %s source has gone: %s", self._name, source.role, reason)
        if self._is_over:
            return
        if self._active in (source, None):
            self._active = None
            self._want(other)
        self._tell()

    def _stop(self, reason: str) -> None:
        self._is_over = True
        for source in list(self._sources.values()):
            source.stop(reason)

    def _want_keyframe(self) -> None:
        if self._active is not None:
            self._active.want_keyframe()

    # what the sources do

    @property
    def media_time_ms(self) -> int:
        """Of the run."""
        return self._run.media_time_ms

    def now_ms(self) -> int:
        """How far the run's media clock is by now."""
        return round(self._now_s() * 1000)

    def patience_of(self, source: Source) -> float:
        return self._run.patience_s if source is self._active else STANDBY_PATIENCE_S

    def configured(self, source: Source) -> None:
        if source is self._active:
            self._run.configure(source.tracks)

    def write(self, source: Source, unit: Unit) -> None:
        now = self._clock()
        source.heard(now)
        if source is self._active:
            self._give(source, unit, now)
            return
        source.hold(unit)
        if unit.is_key and (unit.kind == "video" or not source.has_video) and self._is_its_turn(source, now):
            self._go_to(source)

    def _give(self, source: Source, unit: Unit, now: float) -> None:
        self._last_s[unit.kind] = source.seconds(unit) + source.shift_s
        self._written_at = now
        self._run.write(source.shifted(unit))

    def configured_rendition(self, source: Source, track_id: int, track: Track) -> None:
        if source is self._active:
            self._run.configure_rendition(track_id, track)

    def write_rendition(self, source: Source, track_id: int, unit: Unit) -> None:
        if source is self._active:
            self._run.write_rendition(track_id, source.shifted(unit))

    def warn(self, source: Source, name: str) -> None:
        if source is self._active:
            self._run.warn(name)

    # switching

    def _is_its_turn(self, source: Source, now: float) -> bool:
        return source is self._due or (source.role == "main" and self._active is not None and self._is_to_return(now))

    def _is_to_return(self, now: float) -> bool:
        """Whether the main source has been well for long enough to be on the air again."""
        main = self._sources.get("main")
        return (
            main is not None
            and main is not self._active
            and not main.is_silent(now)
            and now - main.well_since >= WELL_S
        )

    def _want(self, source: Source) -> None:
        """It takes the air at once, if a key frame of it is held that fits, or at the next one."""
        if self._due is not source:
            self._due = source
            source.want_keyframe()
        self._go_to(source)

    def _now_s(self) -> float:
        latest_s = max(self._last_s.values(), default=self._run.media_time_ms / 1000)
        return latest_s + self._clock() - self._written_at

    def _go_to(self, source: Source) -> None:
        """Put the source on the air, unless nothing that is held of it can follow what was given out."""
        if not source.held:
            return
        if not self._last_s:
            self._run.configure(source.tracks)  # the run's clock is settled by it
        source.shift_s = self._shift_of(source)
        begins = self._beginning(source)
        if begins is None:
            return
        units = [unit for unit in source.held if self._follows(source, unit, begins)]
        source.drop_held()
        self._active, self._due = source, None
        log.warning("%s: its %s source is on the air", self._name, source.role)
        self._run.configure(source.tracks)
        for track_id, track in source.renditions.items():
            self._run.configure_rendition(track_id, track)
        now = self._clock()
        for unit in units:
            self._give(source, unit, now)
        self._tell()

    def _shift_of(self, source: Source) -> float:
        """Clocks of sources follow arrival, so that they agree. One that does not is moved; so is a key frame that has
        just come and is a little too early."""
        newest = source.held[-1]
        newest_s = source.seconds(newest)
        off_s = newest_s - self._now_s()
        if abs(off_s) > CLOCK_OFF_S:
            return -off_s
        early_s = self._last_s.get(newest.kind, newest_s) - newest_s
        is_key = newest.is_key and (newest.kind == "video" or not source.has_video)
        return early_s + FRAME_S if is_key and 0 <= early_s <= MAX_PUT_OFF_S else 0.0

    def _beginning(self, source: Source) -> Unit | None:
        """The first held key frame after the last picture that was given out; of a source of sound alone, any unit."""
        kind: Kind = "video" if source.has_video else "audio"
        for unit in source.held:
            if unit.kind == kind and unit.is_key and self._is_later(source, unit):
                return unit
        return None

    def _follows(self, source: Source, unit: Unit, begins: Unit) -> bool:
        if unit.kind == begins.kind and unit.dts < begins.dts:
            return False
        return self._is_later(source, unit)

    def _is_later(self, source: Source, unit: Unit) -> bool:
        """Whether it comes after what was given out of its kind, or of anything where there was none of that."""
        last_s = self._last_s.get(unit.kind, min(self._last_s.values(), default=-1.0))
        return source.seconds(unit) + source.shift_s > last_s

    # health

    def _tell(self) -> None:
        now = self._clock()
        shown = [
            {"role": source.role, "state": self._state(source, now), "protocol": source.protocol}
            for source in sorted(self._sources.values(), key=lambda source: source.role != "main")
        ]
        on_air = self._active.role if self._active is not None else self._due.role if self._due is not None else ""
        self._run.note_sources(shown, "on_backup" if on_air == "backup" else "")

    def _state(self, source: Source, now: float) -> str:
        if source.is_silent(now):
            return "silent"
        return "on_air" if source is self._active else "standby"
