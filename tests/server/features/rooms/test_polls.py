"""Polls: who may ask, that an account has one vote, when a poll closes, what the room is sent of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from actors.runtime import DomainError
from server.feature import Feature
from server.features.rooms import polls as room
from server.features.rooms import texts
from server.features.rooms.polls import queries, rules
from server.features.rooms.polls.polls import Polls
from server.features.rooms.polls.shapes import CreatePoll, VoteInPoll
from tests.server.features.rooms.conftest import Scene, new_id

QUESTION = "Which map next?"
WAITS = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%update polls%')"


class Asked:
    """A scene with polls, as ``nodes`` run them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.polls = self.another_node()
        self.feature: Feature = room.build(
            scene.platform(),
            clock=scene.video,  # type: ignore[arg-type]
            senders=scene.announced,  # type: ignore[arg-type]
        )

    def another_node(self) -> Polls:
        platform = self.scene.platform()
        return Polls(
            db=platform.db, jobs=platform.jobs, audit=platform.audit, ids=platform.ids, now=self.scene.now,
            clock=self.scene.video,  # type: ignore[arg-type]
            senders=self.scene.announced,  # type: ignore[arg-type]
        )  # fmt: skip

    async def open(self, by: str | None = None, roles: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
        body = {"room_id": self.scene.room, "question": QUESTION, "options": ["Dust", "Ice", "Sea"], "seconds": 60}
        return await self.polls.create(by or self.scene.owner, roles, CreatePoll(**{**body, **more}))

    async def vote(self, person_id: str, poll: dict[str, Any], option: int, at: Polls | None = None) -> int:
        return await (at or self.polls).vote(person_id, VoteInPoll(poll_id=poll["id"], option=option))

    async def counts(self, poll: dict[str, Any]) -> list[int]:
        state = await self.polls.state(poll["id"])
        assert state is not None
        return [one["votes"] for one in state["poll"]["options"]]

    async def listed(self, person_id: str | None = None, media_time_ms: int | None = None) -> list[dict[str, Any]]:
        return await self.polls.listed(self.scene.room, person_id, before=None, limit=20, media_time_ms=media_time_ms)


@pytest.fixture
async def asked(scene: Scene) -> Asked:
    return Asked(scene)


async def refused(call: Any) -> str:
    with pytest.raises(DomainError) as error:
        await call
    return error.value.code


async def test_owner_and_moderators_open_polls_and_others_do_not(asked: Asked) -> None:
    viewer, moderator = await asked.scene.person(), await asked.scene.moderator()
    assert (await asked.open())["state"] == "open"
    assert (await asked.open(moderator))["options"][0] == {"text": "Dust", "votes": 0, "people": 0}
    assert (await asked.open(viewer, roles=("moderator",)))["question"] == QUESTION
    assert await refused(asked.open(viewer)) == "forbidden"
    assert await asked.scene.audited() == ["poll.opened"] * 3


async def test_the_room_of_a_private_stream_is_not_told_of_to_strangers(asked: Asked) -> None:
    stranger, guest = await asked.scene.people(2)
    stream, private = await asked.scene.stage(owner=asked.scene.owner, visibility="private")
    await asked.scene.db.execute("insert into stream_guests values ($1, $2)", stream, guest)
    poll = await asked.open(room_id=private)
    assert await refused(asked.open(stranger, room_id=private)) == "not_found"
    assert await refused(asked.vote(stranger, poll, 0)) == "not_found"
    assert await asked.vote(guest, poll, 0) == 0


async def test_a_blocked_or_silenced_person_has_no_vote(asked: Asked) -> None:
    blocked, banned, pardoned = await asked.scene.people(3)
    poll = await asked.open()
    await asked.scene.db.execute("insert into blocks (user_id, blocked_id) values ($1, $2)", asked.scene.owner, blocked)
    for person_id, until in ((banned, None), (pardoned, asked.scene.now().replace(year=2020))):
        await asked.scene.db.execute(
            "insert into chat_sanctions (room_id, user_id, until, by_id) values ($1, $2, $3, $2)",
            asked.scene.room, person_id, until,
        )  # fmt: skip
    assert await refused(asked.vote(blocked, poll, 0)) == "not_found"
    assert await refused(asked.vote(banned, poll, 0)) == "silenced"
    assert await asked.vote(pardoned, poll, 0) == 0


async def test_an_account_has_one_vote_for_good(asked: Asked) -> None:
    viewer = await asked.scene.person()
    poll = await asked.open()
    assert await asked.vote(viewer, poll, 1) == 1
    assert await asked.vote(viewer, poll, 1) == 1
    assert await refused(asked.vote(viewer, poll, 2)) == "already_voted"
    assert await asked.counts(poll) == [0, 1, 0]
    assert [one["voted"] for one in await asked.listed(viewer)] == [1]


async def test_votes_of_all_nodes_at_once_are_counted_exactly(asked: Asked) -> None:
    """Each person votes on every node at the same time, for different options: one of the votes counts."""
    people, nodes = await asked.scene.people(60), [asked.another_node() for _ in range(4)]
    poll = await asked.open()
    votes = [
        asked.vote(person, poll, (n + turn) % 3, at=node)
        for n, node in enumerate(nodes)
        for turn, person in enumerate(people)
    ]
    outcomes = await asyncio.gather(*votes, return_exceptions=True)
    answered = Counter(outcome for outcome in outcomes if isinstance(outcome, int))
    refusals = {outcome.code for outcome in outcomes if isinstance(outcome, DomainError)}
    assert refusals == {"already_voted"}
    counts = await asked.counts(poll)
    assert sum(counts) == len(people)
    assert all(answered[option] >= count for option, count in enumerate(counts))
    rows = await asked.scene.db.fetchval("select count(distinct person_id) from poll_votes")
    assert rows == len(people)


async def test_closing_waits_for_the_votes_that_are_being_written_and_counts_them(asked: Asked) -> None:
    viewer = await asked.scene.person()
    poll = await asked.open()
    async with asked.scene.db.transaction(timeout_s=30) as tx:
        await tx.fetch(queries.VOTE, [poll["id"]], [viewer], [2], asked.scene.now())
        closing = asyncio.create_task(asked.polls.close(asked.scene.owner, (), poll["id"]))
        async with asyncio.timeout(20):
            while not closing.done() and not await asked.scene.db.fetchval(WAITS):
                pass
    closed = await closing
    assert [one["votes"] for one in closed["options"]] == [0, 0, 1]
    assert await asked.counts(poll) == [0, 0, 1]


async def test_a_vote_for_what_is_not_there_is_refused_alone(asked: Asked) -> None:
    viewer, other = await asked.scene.people(2)
    poll = await asked.open()
    nothing = {"id": new_id()}
    ways = (asked.vote(viewer, poll, 3), asked.vote(viewer, nothing, 0), asked.vote(new_id(), poll, 0))
    outcomes = await asyncio.gather(*(refused(one) for one in ways), asked.vote(other, poll, 0))
    assert outcomes == ["invalid", "not_found", "unauthenticated", 0]
    assert await asked.counts(poll) == [1, 0, 0]


async def test_a_poll_locks_by_time_whether_that_was_noted_or_not(asked: Asked) -> None:
    early, late = await asked.scene.people(2)
    poll = await asked.open(seconds=60)
    await asked.scene.pass_time(59.9)
    assert await asked.vote(early, poll, 0) == 0
    await asked.scene.pass_time(0.1)
    assert await refused(asked.vote(late, poll, 0)) == "poll_closed"
    assert [(one["state"], one["options"][0]["votes"]) for one in await asked.listed()] == [("closed", 1)]
    await asked.scene.pass_time(1.0)
    await asked.scene.db.execute("update jobs set due_at = now()")
    await asked.scene.kit.run_jobs([asked.feature])
    assert asked.scene.announced.asked == [(asked.scene.room, "poll:state", poll["id"])] * 3
    facts = await asked.scene.db.fetch("select body from facts where name = 'poll.closed'")
    assert [fact["body"]["poll_id"] for fact in facts] == [poll["id"]]


async def test_a_poll_that_was_closed_by_hand_is_closed_once(asked: Asked) -> None:
    viewer = await asked.scene.person()
    poll = await asked.open()
    assert await refused(asked.polls.close(viewer, (), poll["id"])) == "forbidden"
    assert await refused(asked.polls.close(asked.scene.owner, (), new_id())) == "not_found"
    for _ in range(2):
        assert (await asked.polls.close(asked.scene.owner, (), poll["id"]))["state"] == "closed"
    assert await refused(asked.vote(viewer, poll, 0)) == "poll_closed"
    await asked.scene.db.execute("update jobs set due_at = now()")
    await asked.scene.kit.run_jobs([asked.feature])
    assert await asked.scene.db.fetchval("select count(*) from facts where name = 'poll.closed'") == 1
    assert await asked.scene.audited() == ["poll.opened", "poll.closed"]


async def test_the_same_client_id_opens_one_poll(asked: Asked) -> None:
    first = await asked.open(client_id="c1")
    again = await asked.open(client_id="c1", question="Another?")
    assert again == first
    assert (await asked.open(client_id="c2"))["id"] != first["id"]


async def test_a_room_has_a_bounded_number_of_open_polls(asked: Asked) -> None:
    for _ in range(rules.MAX_OPEN):
        await asked.open(seconds=5)
    assert await refused(asked.open()) == "too_many_polls"
    await asked.scene.pass_time(5)
    assert (await asked.open())["state"] == "open"


async def test_an_ended_stream_is_not_asked(asked: Asked) -> None:
    _, ended = await asked.scene.stage(owner=asked.scene.owner, state="ended")
    assert await refused(asked.open(room_id=ended)) == "stream_ended"


@pytest.mark.parametrize("question", ["\u200b\u202e ", "x" * 201])
def test_what_is_no_question_is_refused(question: str) -> None:
    with pytest.raises(DomainError, match="character"):
        texts.cleaned_question(question)


@pytest.mark.parametrize(
    "options", [["one"], [str(n) for n in range(11)], ["Yes", "yes "], ["Yes", ""], ["Yes", "x" * 81]]
)
def test_what_are_no_options_is_refused(options: list[str]) -> None:
    with pytest.raises(DomainError):
        texts.cleaned_choices(options, "options")


async def test_each_group_of_new_votes_has_the_poll_announced_and_repeats_do_not(asked: Asked) -> None:
    people = await asked.scene.people(3)
    poll = await asked.open()
    for _ in range(2):
        await asyncio.gather(*(asked.vote(person, poll, 0) for person in people))
    assert asked.scene.announced.asked == [(asked.scene.room, "poll:state", poll["id"])] * 2
    state = await asked.scene.announced.states["poll:state"](poll["id"])
    assert state is not None
    assert (state["room_id"], state["poll"]["media_time_ms"], state["poll"]["revision"]) == (
        asked.scene.room,
        60_000,
        3,
    )


async def test_who_joins_is_sent_what_is_open(asked: Asked) -> None:
    open_one, closed = await asked.open(), await asked.open()
    await asked.polls.close(asked.scene.owner, (), closed["id"])
    sent: list[tuple[str, Any]] = []
    both = asyncio.Event()

    class Device:
        def emit(self, event: str, /, *args: Any) -> None:
            sent.append((event, args[0]))
            if len(sent) == 2:
                both.set()

    assert asked.feature.entered is not None
    for _ in range(2):
        asked.feature.entered(Device(), asked.scene.room)
    asked.feature.entered(Device(), new_id())
    await asyncio.wait_for(both.wait(), 20)
    assert sent == [("poll:state", {"room_id": asked.scene.room, "poll": open_one})] * 2
    assert asked.feature.close is not None
    await asked.feature.close()


async def test_at_a_moment_of_the_video_a_poll_stands_as_it_stood_then(asked: Asked) -> None:
    early, late = await asked.scene.people(2)
    poll = await asked.open(seconds=60)
    await asked.scene.pass_time(10)
    await asked.vote(early, poll, 0)
    await asked.scene.pass_time(20)
    await asked.vote(late, poll, 1)

    async def at(ms: int) -> list[tuple[str, list[int]]]:
        rows = await asked.listed(media_time_ms=ms)
        return [(one["state"], [option["votes"] for option in one["options"]]) for one in rows]

    assert await at(59_999) == []
    assert await at(60_000) == [("open", [0, 0, 0])]
    assert await at(75_000) == [("open", [1, 0, 0])]
    assert await at(95_000) == [("open", [1, 1, 0])]
    assert await at(120_000) == [("closed", [1, 1, 0])]
    await asked.polls.close(asked.scene.owner, (), poll["id"])
    assert [(await at(ms))[0][0] for ms in (75_000, 95_000)] == ["open", "closed"]


async def test_a_vote_stays_counted_when_its_account_goes(asked: Asked) -> None:
    gone, stays = await asked.scene.people(2)
    poll = await asked.open()
    for person in (gone, stays):
        await asked.vote(person, poll, 1)
    assert asked.feature.personal_data is not None
    async with asked.scene.db.transaction() as tx:
        await asked.feature.personal_data.erase(tx, gone)
        await tx.execute("delete from users where id = $1", gone)
    assert await asked.counts(poll) == [0, 2, 0]
    assert await asked.scene.db.fetchval("select count(*) from poll_votes") == 1
