"""What a node knows of its rooms: nothing twice, nothing missing, whatever becomes of facts on their way."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.chat_messages import ReadRoom, RenewSubscription, RoomSnapshot
from actors.chat_rules import ChatMode
from actors.events import ChatChanged, ChatMessage, ChatPosted, ChatUser, LoggedMessage, RoomOpened, Shown
from actors.runtime import (
    Actor,
    ActorId,
    DomainError,
    LocalDirectory,
    LocalTransport,
    LoopClock,
    Node,
    Unavailable,
    handles,
    shard_of,
)
from server.live import room_mirrors as mirrors_module
from server.live.room_mirrors import RoomMirrors

AT = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def message(offset: int) -> ChatMessage:
    ann = ChatUser(id="ann", username="ann", display_name="Ann")
    return ChatMessage(id=f"m{offset}", offset=offset, user=ann, text=f"text {offset}", sent_at=AT)


def shown_message(offset: int) -> Shown:
    """The message as its room tells it."""
    return msgspec.to_builtins(message(offset))  # type: ignore[no-any-return]


def posted(*offsets: int, epoch: str = "e1") -> ChatPosted:
    return ChatPosted(room_id="r", epoch=epoch, messages=tuple(shown_message(offset) for offset in offsets))


def changed(event: Any, **body: Any) -> ChatChanged:
    return ChatChanged(room_id="r", event=event, body=body)


class Room(Actor):
    """Answers with what the scene holds, when the scene lets it."""

    def __init__(self, scene: Scene, key: str) -> None:
        self._scene = scene
        self._key = key

    @handles(ReadRoom)
    async def read(self, message: ReadRoom) -> RoomSnapshot:
        self._scene.reads += 1
        self._scene.readers.append(message.node)
        top = self._scene.top
        await self._scene.gate.wait()
        if self._scene.refusal is not None:
            raise self._scene.refusal
        return RoomSnapshot(
            room_id=self._key,
            stream_id=None,
            owner_id="o",
            epoch=self._scene.epoch,
            offset=top,
            messages=tuple(shown_message(offset) for offset in range(max(1, top - 9), top + 1)),
            mode=ChatMode(),
        )

    @handles(RenewSubscription)
    def renew_subscription(self, message: RenewSubscription) -> None:
        self._scene.listening.append((self._key, message.node, message.offset))
        self._scene.listened.set()


class Scene:
    """A room, its log up to ``top``, and the sockets' end of the fan-out."""

    def __init__(self) -> None:
        self.top = 0
        self.epoch = "e1"
        self.reads = 0
        self.readers: list[str] = []
        self.listening: list[tuple[str, str, int]] = []
        self.listened = asyncio.Event()
        self.pages = 0
        self.is_away = False
        self.refusal: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.heard: set[str] = set()
        self.told: list[tuple[str, Any]] = []
        self.shown = asyncio.Event()
        self.node = Node(name="n1", clock=LoopClock(), directory=LocalDirectory(node="n1"), transport=LocalTransport())
        self.node.register("chat", lambda actor_id: Room(self, actor_id.key))
        self.mirrors = RoomMirrors(node=self.node, pages=self, fan=self)

    async def since(self, room_id: str, offset: int, *, limit: int) -> Sequence[LoggedMessage]:
        self.pages += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("postgres", "it is away")
        return [message(each) for each in range(offset + 1, min(self.top, offset + limit) + 1)]

    def publish_messages(self, topic: str, room_id: str, epoch: str, messages: Sequence[dict[str, Any]]) -> None:
        self.told += [(epoch, each["offset"]) for each in messages]
        self.shown.set()

    def publish(self, topic: str, event: str, body: dict[str, Any]) -> None:
        self.told.append((event, body))
        self.shown.set()

    def count(self, topic: str) -> int:
        return int(topic.removeprefix("room:") in self.heard)

    def handle(self, event: ChatPosted | ChatChanged | RoomOpened) -> None:
        if isinstance(event, ChatPosted):
            self.top = max(self.top, event.messages[-1]["offset"])
        self.mirrors.handle(event)

    def offsets(self) -> list[int]:
        return [offset for kind, offset in self.told if kind == "e1"]

    async def until_listening(self, count: int) -> list[tuple[str, str, int]]:
        async with asyncio.timeout(30):
            while len(self.listening) < count:
                self.listened.clear()
                await self.listened.wait()
        return self.listening

    async def until_shown(self, offset: int) -> None:
        await self.until_told(("e1", offset))

    async def until_told(self, what: tuple[str, Any]) -> None:
        async with asyncio.timeout(30):
            while what not in self.told:
                self.shown.clear()
                await self.shown.wait()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    await made.node.start()
    yield made
    made.gate.set()
    await made.mirrors.close()
    await made.node.stop(budget_s=1.0)


async def test_a_feed_is_asked_for_once_however_many_want_it(scene: Scene) -> None:
    scene.top = 3
    scene.gate.clear()
    opening = [asyncio.ensure_future(scene.mirrors.open("r")) for _ in range(20)]
    await asyncio.sleep(0)
    scene.gate.set()
    mirrors = await asyncio.gather(*opening)
    assert len({id(mirror) for mirror in mirrors}) == 1
    assert (scene.reads, mirrors[0].offset) == (1, 3)
    assert [each["offset"] for each in mirrors[0].tail(2)] == [2, 3]


async def test_what_is_posted_while_a_feed_opens_follows_its_snapshot_once(scene: Scene) -> None:
    scene.top = 2
    scene.gate.clear()
    opening = asyncio.ensure_future(scene.mirrors.open("r"))
    while not scene.reads:  # noqa: ASYNC110 - turns of the loop
        await asyncio.sleep(0)
    for offset in (2, 3, 4):
        scene.handle(posted(offset))
    scene.gate.set()
    mirror = await opening
    assert mirror.offset == 4
    assert scene.offsets() == [3, 4]


async def test_a_feed_that_is_behind_one_of_its_readers_reads_up_to_where_they_are(scene: Scene) -> None:
    scene.top = 3
    mirror = await scene.mirrors.open("r")
    scene.top = mirrors_module.PAGE + 10
    await scene.mirrors.reach(mirror, mirrors_module.PAGE + 5)
    assert mirror.offset >= mirrors_module.PAGE + 5
    assert scene.offsets() == list(range(4, mirror.offset + 1)), "and shows it to the others"
    scene.handle(posted(*range(mirror.offset - 3, mirror.offset + 1)))
    assert scene.offsets()[-1] == mirror.offset
    assert len(set(scene.offsets())) == len(scene.offsets()), "once"


async def test_a_reader_who_claims_more_than_there_is_costs_one_look(scene: Scene) -> None:
    scene.top = 3
    mirror = await scene.mirrors.open("r")
    await scene.mirrors.reach(mirror, 10_000_000)
    assert (mirror.offset, scene.pages) == (3, 1)
    scene.is_away = True
    with pytest.raises(Unavailable):
        await scene.mirrors.reach(mirror, 4)


async def test_one_waiter_that_goes_away_does_not_take_the_feed_from_the_others(scene: Scene) -> None:
    scene.gate.clear()
    first, second = (asyncio.ensure_future(scene.mirrors.open("r")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    scene.gate.set()
    assert (await second).room_id == "r"


@pytest.mark.parametrize("refusal", [DomainError("not_found"), Unavailable("postgres", "away")])
async def test_a_room_that_cannot_be_read_is_an_error_and_is_asked_again(scene: Scene, refusal: Exception) -> None:
    scene.refusal = refusal
    with pytest.raises(type(refusal)):
        await scene.mirrors.open("r")
    scene.refusal = None
    assert (await scene.mirrors.open("r")).room_id == "r"


async def test_facts_of_rooms_that_nobody_is_in_are_passed_over(scene: Scene) -> None:
    scene.handle(posted(1))
    assert scene.told == []
    assert scene.mirrors.get("r") is None


async def test_a_repeat_is_not_shown_again(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.handle(posted(1, 2))
    scene.handle(posted(1, 2, 3))
    assert scene.offsets() == [1, 2, 3]


async def test_a_hole_is_read_from_the_log_before_what_follows_it(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.handle(posted(1))
    scene.handle(posted(4))
    scene.handle(posted(5, 6))
    await scene.until_shown(6)
    assert scene.offsets() == [1, 2, 3, 4, 5, 6]


async def test_a_hole_longer_than_a_page_is_mended_whole(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.handle(posted(1_203))
    await scene.until_shown(1_203)
    assert scene.offsets() == list(range(1, 1_204))


async def test_a_hole_is_mended_when_the_log_is_back_however_long_that_takes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "REPAIR_S", 0.001)
    monkeypatch.setattr(mirrors_module, "MAX_REPAIR_S", 0.002)
    await scene.mirrors.open("r")
    scene.is_away = True
    scene.handle(posted(3))
    while scene.pages < 10:  # noqa: ASYNC110 - turns of the loop
        await asyncio.sleep(0)
    assert scene.told == []
    scene.is_away = False
    await scene.until_shown(3)
    assert scene.offsets() == [1, 2, 3]


async def test_what_finds_no_place_behind_a_hole_is_read_from_the_log_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "MAX_HELD", 2)
    monkeypatch.setattr(mirrors_module, "REPAIR_S", 0.001)
    mirror = await scene.mirrors.open("r")
    scene.is_away = True
    for offset in range(3, 30):
        scene.handle(posted(offset))
    assert len(mirror.held) == 2
    scene.is_away = False
    await scene.until_shown(29)
    assert scene.offsets() == list(range(1, 30))


async def test_a_deletion_behind_a_hole_comes_after_what_it_deletes(scene: Scene) -> None:
    mirror = await scene.mirrors.open("r")
    scene.is_away = True
    scene.handle(posted(3))
    scene.handle(changed("chat:deleted", id="m3", offset=3))
    scene.is_away = False
    await scene.until_shown(3)
    assert [kind for kind, _ in scene.told] == ["e1", "e1", "e1", "chat:deleted"]
    assert mirror.tail(1) == [{"id": "m3", "offset": 3, "deleted": True}]


async def test_changes_are_part_of_what_the_next_reader_is_told(scene: Scene) -> None:
    mirror = await scene.mirrors.open("r")
    scene.handle(changed("chat:mode", mode={"slow_seconds": 5}))
    scene.handle(changed("chat:pinned", message={"id": "m1"}))
    assert (mirror.mode, mirror.pinned) == ({"slow_seconds": 5}, {"id": "m1"})
    assert [kind for kind, _ in scene.told] == ["chat:mode", "chat:pinned"]


@pytest.mark.parametrize("is_told_by_a_message", [True, False])
async def test_readers_of_a_log_that_was_replaced_are_shown_the_new_one_and_hear_what_follows(
    scene: Scene, is_told_by_a_message: bool
) -> None:
    await scene.mirrors.open("r")
    scene.heard.add("r")
    scene.handle(posted(1))
    scene.epoch, scene.top = "e2", 2
    scene.mirrors.handle(posted(2, epoch="e2") if is_told_by_a_message else opened(2, epoch="e2"))
    await scene.until_told(("e2", 2))
    scene.mirrors.handle(posted(3, epoch="e2"))
    assert scene.told == [("e1", 1), ("e2", 1), ("e2", 2), ("e2", 3)]
    assert scene.reads == 2


async def test_a_log_that_was_replaced_is_shown_when_its_room_can_be_read_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "REPAIR_S", 0.001)
    await scene.mirrors.open("r")
    scene.heard.add("r")
    scene.refusal = Unavailable("postgres", "away")
    scene.mirrors.handle(opened(1, epoch="e2"))
    while scene.reads < 4:  # noqa: ASYNC110 - turns of the loop
        await asyncio.sleep(0)
    scene.epoch, scene.top, scene.refusal = "e2", 1, None
    await scene.until_told(("e2", 1))
    assert scene.told == [("e2", 1)]


async def test_a_fact_of_a_log_that_was_replaced_long_ago_shows_nothing_twice(scene: Scene) -> None:
    scene.epoch, scene.top = "e2", 2
    await scene.mirrors.open("r")
    scene.heard.add("r")
    scene.mirrors.handle(posted(7, epoch="e1"))
    scene.handle(posted(3, epoch="e2"))
    await scene.until_told(("e2", 3))
    assert (scene.told, scene.reads) == ([("e2", 3)], 2)


async def test_a_log_under_another_name_is_read_anew_only_where_it_is_heard(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.mirrors.handle(posted(1, epoch="e2"))
    assert (scene.mirrors.get("r"), scene.told) == (None, [])
    await scene.mirrors.open("r")
    assert (scene.reads, scene.told) == (2, [])


async def test_since_is_exact_within_what_is_held_and_none_beyond(scene: Scene) -> None:
    scene.top = 20
    mirror = await scene.mirrors.open("r")
    scene.handle(posted(21))
    assert [each["offset"] for each in mirror.since(18) or []] == [19, 20, 21]
    assert [each["offset"] for each in mirror.since(10) or []] == list(range(11, 22))
    assert mirror.since(9) is None
    assert mirror.since(21) == []
    assert mirror.since(99) == []


async def test_rooms_nobody_hears_are_forgotten_and_heard_ones_and_the_newest_are_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "MAX_MIRRORS", 5)
    scene.heard = {"r0", "r1"}
    for number in range(20):
        await scene.mirrors.open(f"r{number}")
        assert scene.mirrors.get(f"r{number}") is not None
    kept = {f"r{number}" for number in range(20) if scene.mirrors.get(f"r{number}")}
    assert kept == {"r0", "r1", "r17", "r18", "r19"}


async def test_more_heard_rooms_than_the_bound_are_all_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors_module, "MAX_MIRRORS", 5)
    for number in range(20):
        scene.heard.add(f"r{number}")
        await scene.mirrors.open(f"r{number}")
    assert all(scene.mirrors.get(f"r{number}") for number in range(20))


# ------------------------------------------------------------------------------------------------------ many nodes


def opened(offset: int, *, epoch: str = "e1") -> RoomOpened:
    return RoomOpened(room_id="r", epoch=epoch, offset=offset)


async def test_a_room_is_read_in_the_name_of_the_node(scene: Scene) -> None:
    await scene.mirrors.open("r")
    assert scene.readers == ["n1"]


async def test_a_room_whose_actor_is_new_is_told_who_listens_and_up_to_where(scene: Scene) -> None:
    scene.top = 3
    await scene.mirrors.open("r")
    scene.handle(opened(3))
    assert await scene.until_listening(1) == [("r", "n1", 3)]
    assert (scene.told, scene.pages) == ([], 0)


async def test_a_room_that_knows_more_is_read_from_the_log_and_then_told_who_listens(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.handle(posted(1))
    scene.top = 4
    scene.handle(opened(4))
    assert await scene.until_listening(1) == [("r", "n1", 4)]
    assert scene.offsets() == [1, 2, 3, 4]
    scene.handle(posted(5))
    assert scene.offsets() == [1, 2, 3, 4, 5]


async def test_what_a_new_room_says_while_a_hole_is_mended_is_mended_with_it(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.is_away = True
    scene.handle(posted(3))
    scene.top = 6
    scene.handle(opened(6))
    scene.is_away = False
    await scene.until_shown(6)
    assert scene.offsets() == [1, 2, 3, 4, 5, 6]
    assert await scene.until_listening(1) == [("r", "n1", 6)]


async def test_a_room_that_opens_behind_what_is_known_takes_nothing_back(scene: Scene) -> None:
    await scene.mirrors.open("r")
    scene.handle(posted(1, 2))
    scene.handle(opened(1))
    assert await scene.until_listening(1) == [("r", "n1", 2)]
    assert scene.offsets() == [1, 2]


async def test_a_room_that_opens_while_it_is_read_is_told_after_its_snapshot(scene: Scene) -> None:
    scene.top = 2
    scene.gate.clear()
    opening = asyncio.ensure_future(scene.mirrors.open("r"))
    while not scene.reads:  # noqa: ASYNC110 - turns of the loop
        await asyncio.sleep(0)
    scene.top = 3
    scene.handle(opened(3))
    scene.gate.set()
    await opening
    await scene.until_shown(3)
    assert await scene.until_listening(1) == [("r", "n1", 3)]
    assert scene.offsets() == [3]


async def test_every_room_that_is_heard_is_told_so_again_and_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "LISTEN_S", 0.003)
    scene.top = 2
    for room_id in ("r", "s"):
        await scene.mirrors.open(room_id)
        scene.heard.add(room_id)
    await scene.mirrors.open("nobody's")
    scene.mirrors.start()
    told = await scene.until_listening(12)
    assert {("r", "n1", 2), ("s", "n1", 2)} <= set(told)
    assert [name for name, _, _ in told].count("nobody's") <= 1
    assert scene.mirrors.get("nobody's") is None
    await scene.mirrors.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "listen on"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=12), st.sets(st.integers(0, 11)), st.booleans())
def test_whatever_facts_are_lost_every_message_up_to_the_last_is_shown_once_in_order(
    sizes: list[int], lost: set[int], is_away_at_first: bool
) -> None:
    async def run() -> None:
        scene = Scene()
        await scene.node.start()
        await scene.mirrors.open("r")
        scene.is_away = is_away_at_first
        numbers = itertools.count(1)
        for at, size in enumerate([*sizes, 1]):
            event = posted(*itertools.islice(numbers, size))
            scene.top = event.messages[-1]["offset"]
            if at not in lost or at == len(sizes):
                scene.handle(event)
            await asyncio.sleep(0)
        scene.is_away = False
        await scene.until_shown(scene.top)
        assert scene.offsets() == list(range(1, scene.top + 1))
        await scene.node.stop(budget_s=1.0)

    asyncio.run(run())


async def test_a_room_whose_shard_has_another_owner_is_told_at_once_that_it_is_heard_and_no_other_is(
    scene: Scene,
) -> None:
    for room_id in ("r", "s", "t"):
        await scene.mirrors.open(room_id)
    scene.heard |= {"r", "s"}
    scene.mirrors.moved({shard_of(ActorId("chat", room_id)) for room_id in ("r", "t")})
    assert await scene.until_listening(1) == [("r", "n1", 0)]


async def test_a_room_that_could_not_be_told_that_it_is_heard_is_told_soon(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors_module, "LISTEN_S", 0.3)
    monkeypatch.setattr(mirrors_module, "RETRIES", 100)
    await scene.mirrors.open("r")
    scene.heard.add("r")
    shard, owner = shard_of(ActorId("chat", "r")), scene.node.directory
    await scene.node.release(shard, budget_s=1.0)
    scene.node.directory = OutOfReach(node="n2")
    scene.mirrors.moved({shard})
    scene.node.directory = owner
    scene.mirrors.start()
    assert await scene.until_listening(1) == [("r", "n1", 0)]


class OutOfReach(LocalDirectory):
    """Everything is on another node, which is not there."""


async def test_what_is_cleared_or_purged_keeps_its_places_for_who_joins(scene: Scene) -> None:
    scene.top = 3
    mirror = await scene.mirrors.open("r")
    scene.mirrors.handle(changed("chat:cleared", room_id="r", offset=1, user_id="ann", by="o"))
    scene.mirrors.handle(changed("chat:cleared", room_id="r", offset=3, user_id="bob", by="o"))
    assert [message.get("deleted", False) for message in mirror.tail(9)] == [True, False, False]
    scene.mirrors.handle(changed("chat:cleared", room_id="r", offset=2, user_id=None, by="o"))
    assert [message.get("deleted", False) for message in mirror.tail(9)] == [True, True, False]
    assert mirror.deletions == 3


async def test_a_role_is_known_at_once_with_its_badge(scene: Scene) -> None:
    scene.top = 1
    mirror = await scene.mirrors.open("r")
    for role in ("moderator", "vip"):
        scene.mirrors.handle(changed("chat:role", room_id="r", user_id="ann", role=role, by="o"))
        assert mirror.roles == {"ann": role}
        assert mirror.tail(1)[0]["user"]["badges"] == (role,)
    scene.mirrors.handle(changed("chat:role", room_id="r", user_id="ann", role=None, by="o"))
    assert (mirror.roles, mirror.tail(1)[0]["user"]["badges"]) == ({}, ())
