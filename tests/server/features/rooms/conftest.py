"""The room of a stream over the shared Postgres, with a clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.runtime import LocalTransport, ManualClock, Node
from server.feature import Feature, Platform
from server.features.rooms.state_sender import StateOf
from storage.ids import Ids
from storage.postgres import Database
from tests.server.kit import Kit
from tests.server.live.nodes import NodeDirectory

IDS = Ids()


def new_id() -> str:
    return IDS.uuid7(datetime.now(UTC).timestamp())


@dataclass
class VideoClock:
    """``MediaClock`` of a stream that is at ``ms``."""

    ms: int | None = 60_000

    async def now_ms(self, room_id: str) -> int | None:
        return self.ms


@dataclass
class Announced:
    """``StateSenders``: keeps what the sender of a room is asked to send."""

    states: dict[str, StateOf] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def announce(self, room_id: str, event: str, subject_id: str) -> None:
        self.asked.append((room_id, event, subject_id))


@dataclass
class Scene:
    """``owner`` streams in ``room``; persons are ids. ``node`` is where the features under test run."""

    kit: Kit
    node: Node
    clock: ManualClock
    video: VideoClock = field(default_factory=VideoClock)
    announced: Announced = field(default_factory=Announced)
    owner: str = field(default_factory=new_id)
    stream: str = field(default_factory=new_id)
    room: str = field(default_factory=new_id)

    @property
    def db(self) -> Database:
        return self.kit.database

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)

    def platform(self) -> Platform:
        return replace(self.kit.platform(), node=self.node, now=self.now)

    async def person(self, person_id: str | None = None) -> str:
        person_id = person_id or new_id()
        name = f"p{person_id[-12:]}"
        await self.db.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " values ($1, $2, $2, $2, $2, '', $2, $2)",
            person_id, name,
        )  # fmt: skip
        return person_id

    async def people(self, count: int) -> list[str]:
        return [await self.person() for _ in range(count)]

    async def stage(self, *, owner: str, state: str = "live", visibility: str = "public") -> tuple[str, str]:
        """Another stream and its room."""
        stream, room = new_id(), new_id()
        await self._stage(stream, room, owner, state, visibility)
        return stream, room

    async def _stage(self, stream: str, room: str, owner: str, state: str, visibility: str) -> None:
        await self.db.execute(
            "insert into streams (id, owner_id, room_id, title, stream_key, state, visibility)"
            " values ($1, $2, $3, 'Late show', $1::uuid::text, $4, $5)",
            stream, owner, room, state, visibility,
        )  # fmt: skip
        await self.db.execute(
            "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, 'e')", room, stream, owner
        )

    async def moderator(self) -> str:
        person_id = await self.person()
        await self.db.execute("insert into chat_moderators (room_id, user_id) values ($1, $2)", self.room, person_id)
        return person_id

    def told(self, person_id: str, event: str) -> list[dict[str, Any]]:
        return [body for to, name, body in self.kit.published.events if name == event and to == person_id]

    async def pass_time(self, seconds: float, feature: Feature | None = None) -> None:
        """``feature``: its jobs that are due by then are run."""
        await self.clock.advance(seconds)
        if feature is not None:
            await self.db.execute("update jobs set due_at = due_at - $1::interval", timedelta(seconds=seconds))
            await self.kit.run_jobs([feature])

    async def audited(self) -> list[str]:
        rows = await self.db.fetch("select action from audit_log where subject = $1 order by id", self.room)
        return [row["action"] for row in rows]


@pytest.fixture
async def scene(kit: Kit) -> Scene:
    # Jobs are due by the clock of Postgres.
    clock = ManualClock(wall=datetime.now(UTC).timestamp(), steps=200)
    node = Node(name="n1", clock=clock, directory=NodeDirectory(), transport=LocalTransport())
    made = Scene(kit, node, clock)
    await made.person(made.owner)
    await made._stage(made.stream, made.room, made.owner, "live", "public")
    return made
