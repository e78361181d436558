"""People who follow, go live and write, and what they are notified of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.chat_log import ChatEntry
from storage.chat import PostgresChatLog
from storage.facts import Fact, publish
from storage.ids import Ids
from storage.leases import Leases
from storage.stream_facts import StreamStarted
from tests.server.conftest import ApiFixture, Someone

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
IDS = Ids()


def new_id() -> str:
    return IDS.uuid7(NOON.timestamp())


@dataclass(frozen=True)
class Stage:
    """A stream and its room."""

    owner: Someone
    stream_id: str
    room_id: str


class Notified:
    """The application with its readers and jobs, which run when a test says so."""

    def __init__(self, api: ApiFixture) -> None:
        self.api = api
        self.kit = api.kit
        self.database = api.database
        self.register = api.register
        self.feature = next(one for one in self.kit.install().features if one.name == "notifications")
        self._minutes = 0

    async def settle(self) -> None:
        """The feature has read all facts and done its jobs that are due."""
        await self.kit.read_facts([self.feature])
        await self.kit.run_jobs([self.feature])

    async def listed(self, person: Someone, query: str = "") -> dict[str, Any]:
        answer = await person.ask("GET", f"/notifications{query}")
        assert answer.status == 200, await answer.text()
        page: dict[str, Any] = await answer.json()
        return page

    async def told(self, person: Someone) -> list[tuple[str, list[str], int]]:
        """(kind, who, how many) of each, the newest first."""
        items = (await self.listed(person))["items"]
        return [(one["kind"], [who["username"] for who in one["people"]], one["count"]) for one in items]

    def events(self, person: Someone) -> list[dict[str, Any]]:
        """The bodies of ``notification`` that were sent to the person."""
        sent = self.kit.published.events
        return [body for to, event, body in sent if to == person.id and event == "notification"]

    async def follow(self, follower: Someone, followee: Someone) -> None:
        assert (await follower.ask("PUT", f"/users/{followee.username}/follow")).status == 204

    async def stage(self, owner: Someone, title: str = "Engines", visibility: str = "public") -> Stage:
        stage = Stage(owner, new_id(), new_id())
        await self.database.execute(
            "insert into streams (id, owner_id, room_id, title, visibility, stream_key)"
            " values ($1, $2, $3, $4, $5, gen_random_uuid()::text)",
            stage.stream_id, owner.id, stage.room_id, title, visibility,
        )  # fmt: skip
        await self.database.execute(
            "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, 'e')",
            stage.room_id, stage.stream_id, owner.id,
        )  # fmt: skip
        return stage

    async def go_live(self, stage: Stage, visibility: str = "public") -> StreamStarted:
        fact = StreamStarted(
            stream_id=stage.stream_id, owner_id=stage.owner.id, visibility=visibility, started_at=NOON
        )  # fmt: skip
        await self.publish(fact)
        return fact

    async def publish(self, fact: Fact) -> None:
        async with self.database.transaction() as tx:
            await publish(tx, fact)

    async def say(self, stage: Stage, author: Someone, text: str) -> str:
        """The id of the message, which is written to the log a minute after the one before."""
        self._minutes += 1
        fence = await Leases(db=self.database).fence_of("chat", stage.room_id)
        log = PostgresChatLog(db=self.database)
        entry = ChatEntry(
            room_id=stage.room_id, shard=fence.shard, epoch=fence.epoch, id=new_id(), user_id=author.id,
            client_id=new_id(), text=text, sent_at=NOON + timedelta(minutes=self._minutes),
        )  # fmt: skip
        await log.append(entry)
        await log.close()
        return entry.id


@pytest.fixture
def notified(api: ApiFixture) -> Notified:
    return Notified(api)
