"""One connected client: its person, how often it may act, what it watches and which rooms it is in.

A session belongs to one socket and is only ever touched by it, so its mailbox is the socket itself: a plain object,
no queue of its own.
"""

from __future__ import annotations

import msgspec

from actors.events import Person
from actors.runtime import DomainError

MAX_ROOMS = 50
MAX_WATCHED = 20


class TokenBucket:
    """``rate`` a second with a burst of ``burst``; the caller gives the time."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, *, rate: float, burst: float, at: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = at

    def take(self, at: float) -> float:
        """Seconds to wait: 0.0 when one was taken."""
        self._left = min(self._burst, self._left + (at - self._at) * self._rate)
        self._at = at
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate


class Session:
    """``view_ids`` maps a watched stream to its view; ``rooms`` are those whose messages the socket gets.

    ``scopes``: what the socket's API token is for; None for a session. ``is_followed``: each message that it posts is
    traced. ``country``: where its client is (ISO 3166-1 alpha-2); None: unknown. ``guest_ids`` maps a stream whose
    password was given without an account to the id that this has made known to it.
    """

    __slots__ = (
        "bucket",
        "country",
        "guest_ids",
        "is_followed",
        "person",
        "roles",
        "rooms",
        "scopes",
        "session_id",
        "view_ids",
        "viewer",
    )

    def __init__(
        self, *, person: Person | None, roles: tuple[str, ...], session_id: str | None, viewer: str, bucket: TokenBucket
    ) -> None:
        self.person = person
        self.roles = roles
        self.session_id = session_id
        self.viewer = viewer
        self.bucket = bucket
        self.is_followed = False
        self.country: str | None = None
        self.guest_ids: dict[str, str] = {}
        self.scopes: frozenset[str] | None = None
        self.view_ids: dict[str, str] = {}
        self.rooms: set[str] = set()

    @property
    def is_overlay(self) -> bool:
        """It was opened with an overlay key: it reads its person's own rooms and does nothing."""
        return self.scopes is not None and "overlay" in self.scopes

    def rename(self, person_id: str, display_name: str) -> None:
        """If it is this person's, they are called otherwise from now on."""
        if self.person is not None and self.person.id == person_id:
            self.person = msgspec.structs.replace(self.person, display_name=display_name)

    def require_person(self) -> Person:
        if self.person is None:
            raise DomainError("unauthenticated", "Sign in to do this.")
        return self.person

    def admit(self, at: float) -> None:
        """Take one event from the client's budget, or raise ``rate_limited``."""
        wait_s = self.bucket.take(at)
        if wait_s > 0:
            raise DomainError("rate_limited", "That was too fast: slow down a little.", retry_after_s=wait_s)

    def watch(self, stream_id: str, view_id: str) -> None:
        if len(self.view_ids) >= MAX_WATCHED:
            raise DomainError("too_many_streams", f"One connection may watch at most {MAX_WATCHED} streams.")
        self.view_ids[stream_id] = view_id

    def know_guest(self, stream_id: str, guest_id: str | None) -> None:
        """Who is not signed in is this guest of the stream; None: is none any more."""
        if guest_id is None:
            self.guest_ids.pop(stream_id, None)
        elif stream_id in self.guest_ids or len(self.guest_ids) < MAX_WATCHED:
            self.guest_ids[stream_id] = guest_id

    def join(self, room_id: str) -> None:
        if room_id not in self.rooms and len(self.rooms) >= MAX_ROOMS:
            raise DomainError("too_many_rooms", f"One connection may be in at most {MAX_ROOMS} rooms.")
        self.rooms.add(room_id)
