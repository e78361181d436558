"""Membership over a real Redis: who is seen, by whose time, and what a heartbeat refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from actors.runtime import LoopClock
from storage.embedded.redis import EmbeddedRedis
from storage.errors import Unavailable
from storage.members import Holder, Keys, Member, Members, View, WrongCluster
from storage.redis import Redis
from tests.storage.nodes import FreezableRedis, Freeze, until

KEYS = Keys.of("test")


class Guest:
    """A member, and what it has heard."""

    def __init__(
        self, name: str, redis: Redis, *, number: int, cluster_id: str, reads: int = 1, **options: Any
    ) -> None:
        self.ice = Freeze()
        self.heard: list[str] = []
        self.views: list[View] = []
        self.members = Members(
            me=Member(
                name=name, incarnation=f"{number:016x}", roles=("actors",), address=f"http://{name}", reads=reads
            ),
            cluster_id=cluster_id,
            keys=KEYS,
            redis=FreezableRedis(redis, self.ice),
            clock=self.ice,
            on_view=self.views.append,
            on_join=lambda member: self.heard.append(f"+{member.name}"),
            on_leave=lambda member: self.heard.append(f"-{member.name}"),
            on_replaced=lambda: self.heard.append("replaced"),
            **options,
        )

    @property
    def names(self) -> set[str]:
        return set(self.members.view.members)


Party = Callable[..., Any]


@pytest.fixture
async def party(redis: Redis) -> AsyncIterator[Party]:
    """Makes guests that join and beat."""
    numbers = iter(range(1, 100))
    async with AsyncExitStack() as stack:

        async def guest(name: str, *, cluster_id: str = "one", **options: Any) -> Guest:
            guest = Guest(name, redis, number=next(numbers), cluster_id=cluster_id, **options)
            await guest.members.join()
            guest.members.start()
            stack.push_async_callback(guest.members.leave)
            stack.callback(guest.ice.thaw)
            return guest

        yield guest


async def test_members_see_each_other_with_what_they_say_of_themselves(party: Party) -> None:
    a, b = await party("a"), await party("b")
    await until(lambda: a.names == b.names == {"a", "b"}, within_s=30)
    assert a.members.view.members["b"].address == "http://b"
    assert a.heard == ["+a", "+b"]


async def test_what_a_member_says_anew_is_seen(party: Party) -> None:
    a, b = await party("a"), await party("b")
    b.members.say(load=0.5, is_draining=True)
    await until(lambda: "b" in a.names and a.members.view.members["b"].is_draining, within_s=30)
    assert a.members.view.members["b"].load == 0.5


async def test_a_member_that_leaves_is_gone_with_the_next_heartbeat(party: Party) -> None:
    a, b = await party("a", silent_after_s=60.0), await party("b", silent_after_s=60.0)
    await until(lambda: "b" in a.names)
    await b.members.leave()
    await until(lambda: a.heard == ["+a", "+b", "-b"], within_s=30.0)  # sooner than its silence would have told


async def test_a_silent_member_is_gone_until_it_is_heard_again(party: Party) -> None:
    a, b = await party("a"), await party("b")
    await until(lambda: "b" in a.names)
    b.ice.freeze()
    await until(lambda: "b" not in a.names, within_s=30)
    b.ice.thaw()
    await until(lambda: a.heard == ["+a", "+b", "-b", "+b"])


async def test_a_restarted_member_leaves_and_joins(party: Party) -> None:
    a, b = await party("a"), await party("b")
    await until(lambda: "b" in a.names)
    await party("b")
    await until(lambda: a.heard == ["+a", "+b", "-b", "+b"])
    await until(lambda: b.heard[-1] == "replaced")


async def test_the_replaced_process_does_not_come_back(party: Party) -> None:
    old = await party("a")
    new = await party("a")
    await until(lambda: old.heard[-1] == "replaced")
    seen = len(new.views)
    await until(lambda: len(new.views) > seen + 3)
    assert "replaced" not in new.heard


async def test_when_everybody_was_silent_it_was_redis_and_nobody_is_gone(party: Party, redis: Redis) -> None:
    a, b = await party("a"), await party("b")
    await until(lambda: a.names == b.names == {"a", "b"})
    for guest in (a, b):
        guest.ice.freeze()
    await redis.command("HSET", KEYS.state[0], "beat", 1)
    await redis.command("ZADD", KEYS.state[2], 1, "a", 1, "b")
    a.ice.thaw()
    await until(lambda: len(a.views) > 0 and "b" in a.names)
    b.ice.thaw()
    seen = len(a.views)
    await until(lambda: len(a.views) > seen + 5)
    assert a.heard == ["+a", "+b"]


async def test_a_clock_of_redis_that_is_put_back_keeps_the_living_and_no_dead(party: Party, redis: Redis) -> None:
    a, b = await party("a"), await party("b")
    await until(lambda: "b" in a.names)
    b.ice.freeze()
    hour_ahead = round((time.time() + 3_600) * 1_000)
    seen = len(a.views)
    await redis.command("HSET", KEYS.state[0], "beat", hour_ahead, "since", hour_ahead - 60_000)
    await redis.command("ZADD", KEYS.state[2], hour_ahead, "a", hour_ahead, "b")
    await until(lambda: a.heard == ["+a", "+b", "-b"], within_s=30)
    assert all(view.age_s >= 60 for view in a.views[seen + 1 :])


async def test_a_cluster_of_another_database_is_refused_at_the_door(party: Party) -> None:
    await party("a")
    with pytest.raises(WrongCluster, match="two"):
        await party("b", cluster_id="two")


async def test_a_member_whose_record_cannot_be_read_is_here_but_is_given_nothing(party: Party, redis: Redis) -> None:
    a = await party("a")
    await redis.command("HSET", KEYS.state[1], "odd", b"0123456789abcdef" + b"\xc1")
    await redis.command("ZADD", KEYS.state[2], 9_999_999_999_999, "odd")
    await until(lambda: "odd" in a.names)
    assert a.members.view.members["odd"] == Member(name="odd", incarnation="0123456789abcdef", weight=0.0)
    assert a.members.unreadable


async def test_a_record_of_a_later_version_is_read(party: Party, redis: Redis) -> None:
    a = await party("a")
    record = {"name": "new", "incarnation": "0123456789abcdef", "roles": ["actors"], "news": {"of": "tomorrow"}}
    await redis.command("HSET", KEYS.state[1], "new", b"0123456789abcdef" + msgspec.msgpack.encode(record))
    await redis.command("ZADD", KEYS.state[2], 9_999_999_999_999, "new")
    await until(lambda: "new" in a.names)
    assert a.members.view.members["new"].roles == ("actors",)


async def test_a_record_that_does_not_say_which_entries_its_node_reads_is_of_the_first_version(
    party: Party, redis: Redis
) -> None:
    a = await party("a", reads=2)
    await redis.command("HSET", KEYS.state[1], "old", b"0123456789abcdef" + msgspec.msgpack.encode({"name": "old"}))
    await redis.command("ZADD", KEYS.state[2], 9_999_999_999_999, "old")
    b = await party("b", reads=3)
    await until(lambda: {"old", "b"} <= a.names)
    assert [a.members.reads(name) for name in ("old", "a", "b")] == [1, 2, 3]
    assert b.members.reads("a") == 2


async def test_the_table_of_shards_comes_with_the_heartbeat(party: Party, redis: Redis) -> None:
    a = await party("a")
    await redis.command("HSET", KEYS.state[3], "7", "b@0123456789abcdef")
    await redis.command("HINCRBY", KEYS.state[0], "version", 1)
    await until(lambda: a.members.view.holders == {7: Holder("b", "0123456789abcdef")})


async def test_after_a_flush_the_members_are_there_again_and_the_table_is_empty(party: Party, redis: Redis) -> None:
    a, b = await party("a"), await party("b")
    await redis.command("HSET", KEYS.state[3], "7", "b@0123456789abcdef")
    await redis.command("HINCRBY", KEYS.state[0], "version", 1)
    await until(lambda: a.members.view.holders)
    await redis.command("FLUSHALL")
    await until(lambda: not a.members.view.holders and a.names == b.names == {"a", "b"})


async def test_without_redis_a_member_is_away_and_comes_back(own_redis: EmbeddedRedis) -> None:
    redis = await Redis.connect(await asyncio.to_thread(own_redis.start))
    guest = Guest("a", redis, number=1, cluster_id="one")
    await guest.members.join()
    guest.members.start()
    os.kill(own_redis.pid, signal.SIGKILL)
    await until(lambda: guest.members.is_away)
    assert guest.names == {"a"}  # nobody is gone because nobody can be asked
    with pytest.raises(Unavailable):
        await guest.members.join()
    await asyncio.to_thread(own_redis.start)
    await until(lambda: not guest.members.is_away)
    await guest.members.leave()
    await redis.close()


async def test_an_incarnation_of_another_length_is_refused(redis: Redis) -> None:
    with pytest.raises(ValueError, match="16"):
        Members(
            me=Member(name="a", incarnation="short"), cluster_id="one", keys=KEYS, redis=redis,
            clock=LoopClock(), on_view=lambda _: None,
        )  # fmt: skip
