"""One person of a stage: what they send, and what they are sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from media.relay import Relay
from media.transcode.stage_messages import StageTracks, StageUnit
from media.unit import Track, Unit

ASK_KEY_S: Final = 1.0


class SeatMixer(Protocol):
    """The worker that a person's units go to."""

    @property
    def is_behind(self) -> bool: ...
    def send(self, order: StageTracks | StageUnit) -> None: ...


class SeatInput:
    """A ``Publication``: takes what a person sends. Pictures that the mixer has no time for are left out up to the next
    key frame. ``on_gone`` is called once, when the person's connection has ended."""

    media_time_ms: Final = 0
    patience_s: Final = 0.0

    def __init__(self, *, seat: str, mixer: SeatMixer, on_gone: Callable[[SeatInput], None]) -> None:
        self._seat = seat
        self._mixer = mixer
        self._on_gone = on_gone
        self._tracks: tuple[Track, ...] = ()
        self._needs_key = False
        self._is_closed = False
        self._stop: Callable[[str], None] | None = None
        self._want_keyframe: Callable[[], None] | None = None
        self._asked_at = float("-inf")

    @property
    def is_sending(self) -> bool:
        return bool(self._tracks) and not self._is_closed

    def configure(self, tracks: Sequence[Track]) -> None:
        self._tracks = tuple(tracks)
        self.introduce()

    def introduce(self) -> None:
        """Tell a mixer what comes from here."""
        self._mixer.send(StageTracks(self._seat, self._tracks))

    def write(self, unit: Unit) -> None:
        if self._is_closed:
            return
        if unit.kind == "video":
            self._needs_key = (self._needs_key or self._mixer.is_behind) and not (
                unit.is_key and not self._mixer.is_behind
            )
            if self._needs_key:
                return
        self._mixer.send(StageUnit(self._seat, unit))

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """The first one is enough."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """See ``configure_rendition``."""

    def warn(self, name: str) -> None:
        """It is no stream of its own whose owner could be told."""

    def close(self, reason: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._mixer.send(StageTracks(self._seat, ()))
            self._on_gone(self)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self._stop = stop

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        self._want_keyframe = want

    def stop(self, reason: str) -> None:
        """End the person's connection."""
        if self._stop is not None:
            self._stop(reason)
        self.close(reason)

    def want_keyframe(self, now: float) -> None:
        """Once a second at most."""
        if self._want_keyframe is not None and now - self._asked_at >= ASK_KEY_S:
            self._asked_at = now
            self._want_keyframe()


class Seat:
    """``relay``: the stage's picture, and the sound of all others. ``resource_id``: of who looks on here last."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self.relay = Relay()
        self.relay.configure(tracks)
        self.input: SeatInput | None = None
        self.resource_id = ""
