"""The port of a call: what of it outlives its actor."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import msgspec

from actors.call_messages import Seat
from actors.events import Person
from actors.runtime import Fence


class CallMember(msgspec.Struct, frozen=True, kw_only=True):
    """A person who has been in the call; ``seat``: where they are in it."""

    person: Person
    seat: Seat | None = None


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """``members``: in the order in which they joined first."""

    owner_id: str
    ends_at: datetime
    ended_at: datetime | None = None
    members: tuple[CallMember, ...] = ()


class CallStore(Protocol):
    """Raises ``Unavailable``, and ``Fenced`` for a write under a stale token."""

    async def load(self, call_id: str) -> CallRecord | None: ...

    async def admit(
        self, call_id: str, person_id: str, seat: Seat, *, token_hash: bytes | None, at: datetime, fence: Fence
    ) -> bool:
        """The person takes the seat and uses the token up. False, with nothing written, for one that is not good."""

    async def leave(self, call_id: str, person_id: str, seat: Seat, *, fence: Fence) -> None: ...
    async def end(self, call_id: str, *, at: datetime, fence: Fence) -> None: ...

    async def invite(self, call_id: str, token_hash: bytes, *, fence: Fence) -> bool:
        """The token is good until the call's end. False if the call has too many unused ones."""

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        """Those of ``others`` who block the person or are blocked by the person."""
