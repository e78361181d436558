"""A judge that takes its time: it delays nobody beyond its deadline, and nobody but the author until then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from actors.chat_judging import DEADLINE_S, LATE_S, MAX_LOOKS, SlowJudge
from actors.chat_messages import PurgePerson, ReadHeld
from actors.chat_rules import Author
from actors.runtime import Unavailable, shard_of
from actors.screening import ALLOW, Verdict
from tests.actors.room_fixture import RoomFixture
from tests.actors.test_chat import refused
from tests.actors.test_chat_moderation import in_log, in_room

REFUSE = Verdict(action="refuse", reason="judge")
HOLD = Verdict(action="hold", reason="judge")


class Judge:
    """It says what a test lets it say, when the test lets it; of all other texts nothing, for ever."""

    def __init__(self) -> None:
        self.verdicts: dict[str, asyncio.Future[Verdict]] = {}
        self.under_way = 0

    def says(self, text: str, verdict: Verdict | Exception) -> None:
        said = self.verdicts.setdefault(text, asyncio.get_running_loop().create_future())
        if isinstance(verdict, Exception):
            said.set_exception(verdict)
        else:
            said.set_result(verdict)

    async def judge(self, author: Author, text: str, *, room_id: str) -> Verdict:
        self.under_way += 1
        try:
            return await asyncio.shield(self.verdicts.setdefault(text, asyncio.get_running_loop().create_future()))
        finally:
            self.under_way -= 1


@asynccontextmanager
async def judged(when_late: Literal["allow", "hold"] = "allow") -> AsyncIterator[tuple[RoomFixture, Judge]]:
    judge = Judge()
    fixture = RoomFixture(judge=SlowJudge(judge=judge, when_late=when_late))
    await fixture.open()
    yield fixture, judge
    await fixture.close()


async def waiting(fixture: RoomFixture) -> list[str]:
    return [one["message"]["text"] for one in await fixture.ask(ReadHeld(by=fixture.owner))]


async def test_what_the_judge_says_in_time_holds() -> None:
    async with judged() as (fixture, judge):
        judge.says("fine", ALLOW)
        judge.says("hmm", HOLD)
        judge.says("bad", REFUSE)
        assert (await fixture.post(fixture.ann, "fine")).offset == 1
        assert (await fixture.post(fixture.ann, "hmm")).is_held
        refusal = await refused(fixture.post(fixture.ann, "bad"))
        assert (refusal.code, refusal.field) == ("screened", "text")
        assert (await in_log(fixture), await waiting(fixture)) == (["fine"], ["hmm"])
        assert (await fixture.post(fixture.owner, "bad")).offset == 2  # what moderators write is not judged


async def test_a_judge_that_hangs_delays_a_message_by_its_deadline_and_nobody_elses() -> None:
    async with judged() as (fixture, judge):
        judge.says("quick", ALLOW)
        asked = fixture.start_post(fixture.ann, "slow")
        await fixture.clock.settle()
        assert (await fixture.post(fixture.bob, "quick")).offset == 1
        await fixture.clock.advance(DEADLINE_S - 0.001)
        assert not asked.done()
        await fixture.clock.advance(0.001)
        assert (await asked).offset == 2
        assert await fixture.shown() == [(1, "quick"), (2, "slow")]


async def test_the_messages_of_one_person_keep_their_order_and_wait_no_longer_than_the_deadline() -> None:
    async with judged() as (fixture, judge):
        judge.says("2", ALLOW)
        judge.says("3", REFUSE)
        asked = []
        for text in "123":
            asked.append(fixture.start_post(fixture.ann, text))
            await fixture.clock.advance(DEADLINE_S / 10)
        assert not any(one.done() for one in asked)
        await fixture.clock.advance(DEADLINE_S * 0.7)
        assert [(await one).offset for one in asked[:2]] == [1, 2]
        assert (await refused(asked[2])).code == "screened"
        assert await in_log(fixture) == ["1", "2"]


async def test_what_is_refused_too_late_is_taken_away_again_by_the_server() -> None:
    async with judged() as (fixture, judge):
        asked = fixture.start_post(fixture.ann, "bad")
        await fixture.clock.advance(DEADLINE_S)
        posted = await asked
        assert await in_room(fixture) == ["bad"]
        judge.says("bad", REFUSE)
        await fixture.clock.settle()
        assert await in_room(fixture) == await in_log(fixture) == ["-"]
        (deleted,) = fixture.changes("chat:deleted")
        assert (deleted["id"], deleted["offset"], "by" in deleted) == (posted.id, 1, False)


async def test_a_message_may_wait_for_a_moderator_when_the_judge_is_late() -> None:
    async with judged("hold") as (fixture, judge):
        asked = fixture.start_post(fixture.ann, "slow")
        await fixture.clock.advance(DEADLINE_S)
        assert (await asked).is_held
        judge.says("slow", REFUSE)
        await fixture.clock.settle()
        assert (await in_log(fixture), await waiting(fixture)) == ([], ["slow"])


@pytest.mark.parametrize(("when_late", "is_held"), [("allow", False), ("hold", True)])
async def test_a_judge_that_is_away_is_a_late_one_at_once(when_late: Literal["allow", "hold"], is_held: bool) -> None:
    async with judged(when_late) as (fixture, judge):
        judge.says("x", Unavailable("judge", "it is away"))
        assert (await fixture.post(fixture.ann, "x")).is_held is is_held


async def test_a_judge_is_given_up_on_and_is_asked_about_so_many_messages_at_a_time() -> None:
    async with judged() as (fixture, judge):
        asked = [fixture.start_post(fixture.ann, f"{number}") for number in range(MAX_LOOKS + 2)]
        await fixture.clock.settle()
        assert judge.under_way == MAX_LOOKS
        await fixture.clock.advance(DEADLINE_S)
        assert [(await one).offset for one in asked] == list(range(1, MAX_LOOKS + 3))
        await fixture.clock.advance(LATE_S)
        assert judge.under_way == 0


async def test_a_purge_takes_what_the_judge_was_still_looking_at() -> None:
    async with judged() as (fixture, _):
        asked = fixture.start_post(fixture.ann, "slow")
        await fixture.clock.settle()
        purge = asyncio.ensure_future(fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id)))
        await fixture.clock.advance(DEADLINE_S)
        assert (await asked).offset == 1
        await purge
        assert await in_log(fixture) == ["-"]


async def test_what_was_looked_at_when_the_room_moves_is_judged_by_its_next_owner() -> None:
    async with judged() as (fixture, judge):
        asked = fixture.start_post(fixture.ann, "fine")
        await fixture.clock.settle()
        await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
        judge.says("fine", ALLOW)
        await fixture.clock.advance(DEADLINE_S * 10)
        assert (await asked).offset == 1
        assert await in_log(fixture) == ["fine"]
