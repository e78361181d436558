"""Raids: who may send viewers where, and what both rooms are sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from server.features.rooms import raids as room
from server.features.rooms.raids.raids import Raids
from server.features.rooms.raids.rules import Allowed, leads_back
from server.features.rooms.raids.shapes import StartRaid
from server.live.room_mirror import topic_of
from tests.server.features.rooms.conftest import Scene, new_id
from tests.server.features.rooms.test_polls import refused


class Raiding:
    """``target`` is a live stream of ``other``."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        platform = scene.platform()
        self.feature = room.build(platform)
        self.raids = Raids(
            db=platform.db, node=platform.node, jobs=platform.jobs, audit=platform.audit, ids=platform.ids,
            now=scene.now, publish=platform.publish,
        )  # fmt: skip
        self.other = self.target = self.target_room = ""

    async def open(self) -> Raiding:
        self.other = await self.scene.person()
        self.target, self.target_room = await self.scene.stage(owner=self.other)
        return self

    async def start(self, target: str = "", *, source: str = "", by: str = "") -> str:
        asked = StartRaid(stream_id=source or self.scene.stream, target=target or self.target)
        return await self.raids.start(by or self.scene.owner, asked)

    async def run_due(self) -> None:
        await self.scene.db.execute("update jobs set due_at = now() where due_at <= $1", self.scene.now())
        await self.scene.kit.run_jobs([self.feature])

    def sent(self, event: str, room_id: str) -> list[dict[str, Any]]:
        topic = topic_of(room_id)
        return [body for to, name, body in self.scene.kit.published.events if (to, name) == (topic, event)]


@pytest.fixture
async def raiding(scene: Scene) -> Raiding:
    return await Raiding(scene).open()


async def test_viewers_are_told_and_the_other_room_when_they_have_moved(raiding: Raiding) -> None:
    at = await raiding.start()
    assert await raiding.start() == at
    (told,) = raiding.sent("stream:raid", raiding.scene.room)
    assert (told["at"], told["target"]["id"], told["stream_id"]) == (at, raiding.target, raiding.scene.stream)
    assert raiding.sent("stream:raid", raiding.target_room) == []
    await raiding.scene.clock.advance(10)
    await raiding.run_due()
    assert raiding.sent("stream:raid", raiding.target_room) == [told]
    facts = await raiding.scene.db.fetch("select body from facts where name = 'raid'")
    assert [fact["body"]["target_id"] for fact in facts] == [raiding.target]
    assert await raiding.scene.audited() == ["raid.started"]


async def test_a_cancelled_raid_moves_nobody(raiding: Raiding) -> None:
    assert await refused(raiding.raids.cancel(raiding.scene.owner, raiding.scene.stream)) == "no_raid"
    await raiding.start()
    assert await refused(raiding.raids.cancel(raiding.other, raiding.scene.stream)) == "forbidden"
    await raiding.raids.cancel(raiding.scene.owner, raiding.scene.stream)
    await raiding.scene.clock.advance(10)
    await raiding.run_due()
    assert raiding.sent("stream:raid", raiding.target_room) == []
    assert raiding.sent("stream:raid_cancelled", raiding.scene.room) == [{"stream_id": raiding.scene.stream}]


async def test_viewers_stay_when_the_target_ends_before_they_move(raiding: Raiding) -> None:
    await raiding.start()
    await raiding.scene.db.execute("update streams set state = 'ended' where id = $1", raiding.target)
    await raiding.scene.clock.advance(10)
    await raiding.run_due()
    assert raiding.sent("stream:raid_cancelled", raiding.scene.room) == [{"stream_id": raiding.scene.stream}]


async def test_only_its_owner_sends_viewers_from_a_live_stream_to_another_that_is_live(raiding: Raiding) -> None:
    ended, _ = await raiding.scene.stage(owner=raiding.other, state="ended")
    private, _ = await raiding.scene.stage(owner=raiding.scene.owner, visibility="private")
    hidden, _ = await raiding.scene.stage(owner=raiding.other, visibility="private")
    over, _ = await raiding.scene.stage(owner=raiding.scene.owner, state="ended")
    assert await refused(raiding.start(by=raiding.other)) == "forbidden"
    assert await refused(raiding.start(ended)) == "not_live"
    assert await refused(raiding.start(source=over)) == "not_live"
    assert await refused(raiding.start(private)) == "target_private"
    assert await refused(raiding.start(hidden)) == await refused(raiding.start(new_id())) == "not_found"
    assert await refused(raiding.start(raiding.scene.stream)) == "raid_circle"


async def test_viewers_are_not_sent_in_a_circle_even_by_raids_at_one_time(raiding: Raiding) -> None:
    there = raiding.start()
    back = raiding.start(raiding.scene.stream, source=raiding.target, by=raiding.other)
    outcomes = await asyncio.gather(there, back, return_exceptions=True)
    assert [getattr(one, "code", "") for one in outcomes] in (["", "raid_circle"], ["raid_circle", ""])


async def test_a_second_raid_waits_for_the_first_to_be_cancelled(raiding: Raiding) -> None:
    elsewhere, _ = await raiding.scene.stage(owner=raiding.other)
    await raiding.start()
    assert await refused(raiding.start(elsewhere)) == "raid_pending"
    await raiding.raids.cancel(raiding.scene.owner, raiding.scene.stream)
    await raiding.start(elsewhere)


@pytest.mark.parametrize(
    ("allowed", "follows", "outcome"),
    [
        ("nobody", True, "raids_refused"),
        ("followed", False, "raids_refused"),
        ("followed", True, ""),
        ("everyone", False, ""),
    ],
)
async def test_the_target_may_refuse(raiding: Raiding, allowed: Allowed, follows: bool, outcome: str) -> None:
    await raiding.raids.allow(raiding.other, allowed)
    assert await raiding.raids.allowed(raiding.other) == allowed
    if follows:
        await raiding.scene.db.execute(
            "insert into follows (follower_id, followee_id) values ($1, $2)", raiding.other, raiding.scene.owner
        )
    if outcome:
        assert await refused(raiding.start()) == outcome
    else:
        await raiding.start()


async def test_who_is_blocked_by_the_target_does_not_find_it(raiding: Raiding) -> None:
    await raiding.scene.db.execute(
        "insert into blocks (user_id, blocked_id) values ($1, $2)", raiding.other, raiding.scene.owner
    )
    assert await refused(raiding.start()) == "not_found"


def test_a_chain_is_followed_to_its_end_and_a_circle_elsewhere_does_not_hold_it() -> None:
    assert leads_back("a", "b", {"b": "c", "c": "a"})
    assert not leads_back("a", "b", {"b": "c"})
    assert not leads_back("a", "b", {"b": "c", "c": "b"})


async def view(raiding: Raiding, stream: str, viewer: str, *, since: float, until: float) -> None:
    now = raiding.scene.now()
    await raiding.scene.db.execute(
        "insert into view_sessions (id, stream_id, viewer, started_at, last_at) values ($1, $2, $3, $4, $5)",
        new_id(), stream, viewer, now + timedelta(seconds=since), now + timedelta(seconds=until),
    )  # fmt: skip


async def test_both_owners_are_told_how_many_of_the_raid_came(raiding: Raiding) -> None:
    scene, target = raiding.scene, raiding.target
    await raiding.start()
    await scene.clock.advance(10)
    await raiding.run_due()
    for viewer in ("came", "came late", "stayed", "had left"):
        await view(raiding, scene.stream, viewer, since=-300, until=-60 if viewer == "had left" else 2)
    for viewer, since in (("came", 0.5), ("came", 3.0), ("came late", 20.0), ("had left", 1.0), ("by chance", 1.0)):
        await view(raiding, target, viewer, since=since, until=60)
    await view(raiding, target, "stayed", since=-100, until=60)
    await scene.clock.advance(40)
    for _ in range(2):
        await raiding.run_due()
    for owner in (scene.owner, raiding.other):
        [told] = scene.told(owner, "stream:raid_came")
        assert (told["came"], told["target"]["id"], told["stream_id"]) == (2, target, scene.stream)
