"""The rows that the memory drivers share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from actors.chat_log import ChatEntry, RoomRecord
from actors.chat_review import HeldMessage
from actors.events import Reactions
from actors.runtime import Fence
from actors.runtime.ids import SHARDS
from storage.errors import Fenced, Unavailable
from storage.facts import Fact, name_of
from storage.recording import Init, Segment
from storage.stream_rows import StreamRow
from storage.viewers import ViewSession


class MemoryPerson(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a user as the core's tables refer to."""

    id: str
    username: str
    display_name: str = ""
    avatar_url: str | None = None
    stream_key: str = ""
    stream_defaults: dict[str, Any] = {}
    has_verified_address: bool = False
    restricted_until: dt.datetime | None = None
    slate_picture: str = ""


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    entry: ChatEntry
    offset: int
    is_deleted: bool = False
    deleted_by: str | None = None
    edited_at: dt.datetime | None = None
    reactions: Reactions = {}


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """``reader``: it is for this one alone; empty: for all."""

    id: int
    name: str
    body: dict[str, Any]
    at: dt.datetime
    reader: str = ""


class Tables:
    """The rows that the memory drivers share."""

    def __init__(self) -> None:
        self.is_away = False
        self.epochs = dict.fromkeys(range(SHARDS), 0)
        self.people: dict[str, MemoryPerson] = {}
        self.rooms: dict[str, RoomRecord] = {}
        self.held: dict[str, dict[str, tuple[HeldMessage, Literal["held", "allowed", "refused"]]]] = {}
        self.messages: dict[str, list[MessageRow]] = {}
        self.streams: dict[str, StreamRow] = {}
        self.segments: dict[tuple[str, str, int], Segment] = {}
        self.inits: dict[tuple[str, str, str], Init] = {}
        self.views: dict[str, dict[str, ViewSession]] = {}
        self.muted_until_ms: dict[str, int] = {}
        """Of streams, by id."""
        self.facts: list[FactRow] = []
        self._last_fact = 0

    def add_person(self, person: MemoryPerson) -> None:
        self.people[person.id] = person

    def publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.add_fact(name_of(type(fact)), msgspec.to_builtins(fact), at=dt.datetime.now(dt.UTC))

    def add_fact(self, name: str, body: dict[str, Any], *, at: dt.datetime, reader: str = "") -> None:
        self._last_fact += 1
        self.facts.append(FactRow(id=self._last_fact, name=name, body=body, at=at, reader=reader))

    def has_recording(self, stream_id: str) -> bool:
        return any(key[0] == stream_id for key in self.segments)

    def reach(self) -> None:
        """Raise ``Unavailable`` while the tables are away."""
        if self.is_away:
            raise Unavailable("postgres", "it is away")

    def hold(self, fence: Fence) -> None:
        """Raise ``Fenced`` for a stale token."""
        self.reach()
        if self.epochs.get(fence.shard) != fence.epoch:
            raise Fenced(fence.shard, fence.epoch)
