"""What a stream's actor knows of the publisher of the latest publication, and the way to that one. Pure."""

from __future__ import annotations

from typing import Any, Protocol

from actors.runtime import Message
from actors.stream_messages import BACKUP, MAIN, Grant


class MediaControl(Protocol):
    """The way to the process that holds the publisher. Synchronous: what comes of it arrives as messages."""

    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None: ...

    def show_slate(self, node: str, grant: Grant, tracks: tuple[dict[str, Any], ...], *, for_s: float) -> None:
        """In place of a publisher of these tracks, for so long at most; its end is a ``PublisherLost`` of the grant's
        publication."""


class StartDue(Message, frozen=True, kw_only=True):
    """A grant of this publication should have been followed by media."""

    publication: int


class ProgressDue(Message, frozen=True, kw_only=True):
    """A presumed publisher should have been reported."""

    publication: int


class SilenceDue(Message, frozen=True, kw_only=True):
    """The publisher's node may be gone without a word."""

    publication: int


class SlateDue(Message, frozen=True, kw_only=True):
    """The slate of this publication was lost and may be shown again."""

    publication: int


class GraceOver(Message, frozen=True, kw_only=True):
    """The publisher had time to come back."""

    publication: int


class Publisher:
    """``yields``: it gives way to any other publisher that is none of its kind.

    A grant makes it claimed, the first report of its node started; ``progressed_at`` is wall clock.

    It is presumed when the actor is new and the row says live: a publisher that asks may be the very same one, which
    has lost its server, and is granted.
    """

    def __init__(self) -> None:
        self.is_claimed = False
        self.is_presumed = False
        self.is_started = False
        self.yields = False
        self.roles: frozenset[str] = frozenset()
        """Of those who publish: the main publisher, a backup, or both, all on one node."""
        self.slate = 0
        """The publication of the slate in its place, 0 while there is none."""
        self.awaited_after = 0
        """The last publication of a publisher that was lost: how long others are waited for is told by its number."""
        self.progressed_at = 0.0
        self.media_until_ms = 0
        """Where the media of publishers ends, slates left out; 0 while nothing is known of it."""
        self.health: dict[str, Any] = {}
        self._reported_at = 0.0  # monotonic

    def reaches(self, media_time_ms: int) -> None:
        """So far its media goes, at least."""
        self.media_until_ms = max(self.media_until_ms, media_time_ms)

    @property
    def is_busy(self) -> bool:
        """Whether another publisher must be refused."""
        return self.is_claimed and not self.is_presumed

    @property
    def is_awaited(self) -> bool:
        """Granted, and nothing was sent yet."""
        return self.is_claimed and not self.is_started

    def gives_way_to(self, role: str) -> bool:
        """Whether a publication of its own in that role ends this one."""
        return self.yields or (role == MAIN and self.roles == {BACKUP})

    def has_place_for(self, role: str) -> bool:
        """Whether another publisher may join the one that is there."""
        return self.is_busy and not self.yields and role not in self.roles

    def join(self, role: str) -> None:
        self.roles |= {role}

    def presume(self) -> None:
        self.is_claimed = self.is_presumed = True
        self.roles = frozenset({MAIN, BACKUP})

    def grant(self, *, yields: bool = False, role: str = MAIN) -> None:
        self.is_claimed, self.is_presumed, self.is_started = True, False, False
        self.roles = frozenset({role})
        self.yields = yields
        self.slate = 0

    def report(self, *, progressed_at: float, now: float) -> bool:
        """Its node has reported; whether that was the first time."""
        is_first = not self.is_started
        self.is_presumed, self.is_started = False, True
        self.progressed_at, self._reported_at = progressed_at, now
        return is_first

    def silent_s(self, now: float) -> float:
        return now - self._reported_at

    def excuse(self, *, silent_s: float, now: float) -> None:
        """Count it as silent for this long only: what was reported since has not been read."""
        self._reported_at = now - silent_s

    def go(self) -> None:
        """It has ended, or was lost."""
        self.is_claimed = self.is_presumed = self.is_started = False
        self.health = {}
