"""Rights in memory: what a test puts there, and nothing else, is hidden."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

from server.live.addresses import MediaAddresses
from server.live.rights import Rights
from server.live.viewings import Viewer
from storage.rights import Change, Ruling


class Open:
    """``Rows``, and rights over them. A change is one when it is appended to ``noted``."""

    def __init__(self) -> None:
        self.rulings: dict[str, Ruling] = {}
        self.invited: dict[str, frozenset[str]] = {}
        self.following: dict[str, frozenset[str]] = {}
        self.granted: dict[str, frozenset[str]] = {}
        self.births: dict[str, dt.date | None] = {}
        self.noted: list[Change] = []
        self.reads = 0
        self.now = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
        self.rights = Rights(rows=self, now=lambda: self.now)

    async def ruling(self, owner_id: str) -> Ruling:
        self.reads += 1
        return self.rulings.get(owner_id, Ruling())

    async def guests(self, stream_id: str) -> frozenset[str]:
        return self.invited.get(stream_id, frozenset())

    async def admitted(self, visibility: str, *, stream_id: str, owner_id: str, ids: Collection[str]) -> frozenset[str]:
        self.reads += 1
        admitted = {"followers": self.following.get(owner_id), "password": self.granted.get(stream_id)}
        return (admitted.get(visibility) or frozenset()).intersection(ids)

    async def holders(self, stream_id: str) -> frozenset[str]:
        return frozenset()

    async def birth_dates(self, ids: Collection[str]) -> dict[str, dt.date | None]:
        return {each: self.births[each] for each in ids if each in self.births}

    async def changes(self, *, since_s: float) -> list[Change]:
        return list(self.noted)

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        return frozenset(other for other in others if other in self.rulings.get(person_id, Ruling()).barred)


def someone(viewer_id: str | None, country: str | None = None) -> Viewer:
    return Viewer(id=viewer_id, country=country)


class NoSeals:
    def seal(self, purpose: bytes, body: bytes) -> bytes:
        return b"-" * 32

    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool:
        return False

    def is_revoked(self, session_id: str) -> bool:
        return False


NO_ADDRESSES: Final = MediaAddresses(seals=NoSeals())
