"""Who should have a shard, who wins its lease, and what Postgres says of the epoch."""

from __future__ import annotations

from collections import Counter

import pytest

from actors.runtime import SHARDS
from storage.leases import Leases
from storage.members import Holder, Keys, Member, Members, View
from storage.postgres import Database
from storage.redis import Redis, Script
from storage.rendezvous import RendezvousHash
from tests.storage.nodes import Freeze

KEYS = Keys.of("test")


def member(
    name: str, *, number: int = 1, weight: float = 1.0, is_draining: bool = False, role: str = "actors"
) -> Member:
    return Member(name=name, incarnation=f"{number:016x}", roles=(role,), weight=weight, is_draining=is_draining)


def view(*members: Member) -> View:
    return View({member.name: member for member in members}, {}, 1, 10.0)


def owners_of(*members: Member) -> list[str | None]:
    rendezvous = RendezvousHash()
    rendezvous.see(view(*members))
    of = [rendezvous.of(shard) for shard in range(SHARDS)]
    return [holder.name if holder is not None else None for holder in of]


def test_equal_nodes_get_about_equal_shares() -> None:
    shares = Counter(owners_of(*(member(f"node-{n}") for n in range(4))))
    assert all(40 <= share <= 90 for share in shares.values())


def test_a_node_that_joins_takes_from_all_and_moves_nothing_else() -> None:
    before = owners_of(member("a"), member("b"))
    after = owners_of(member("a"), member("b"), member("c"))
    assert {new for old, new in zip(before, after, strict=True) if old != new} == {"c"}


def test_shares_follow_weights() -> None:
    shares = Counter(owners_of(member("a"), member("b", weight=0.5)))
    assert 1.5 < shares["a"] / shares["b"] < 2.7


def test_who_drains_or_has_another_role_or_no_weight_gets_nothing() -> None:
    others = [member("b", is_draining=True), member("c", role="media"), member("d", weight=0.0)]
    assert set(owners_of(member("a"), *others)) == {"a"}
    assert set(owners_of(*others)) == {None}


def test_a_restarted_node_is_the_heir_of_what_it_had() -> None:
    assert owners_of(member("a"), member("b")) == owners_of(member("a", number=2), member("b"))


class Table:
    """The leases in Redis, with some members that have just been heard."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._script = Script.load("shards")

    async def join(self, member: Member) -> Holder:
        ice = Freeze()
        await Members(
            me=member, cluster_id="one", keys=KEYS, redis=self.redis, clock=ice, on_view=lambda _: None
        ).join()
        return member.holder

    async def silence(self, holder: Holder) -> None:
        await self.redis.command("ZADD", KEYS.state[2], 1, holder.name)

    async def give(self, caller: Holder, wanted: dict[int, Holder]) -> dict[int, str]:
        pairs = [word for shard, to in wanted.items() for word in (shard, str(to))]
        _, winners = await self.redis.run(self._script, keys=KEYS.state, args=[str(caller), 1600, *pairs])
        return {int(s): Holder.read(h.decode()).name for s, h in zip(winners[::2], winners[1::2], strict=True)}

    async def version(self) -> int:
        return int(await self.redis.command("HGET", KEYS.state[0], "version"))


@pytest.fixture
async def table(redis: Redis) -> Table:
    return Table(redis)


async def test_a_free_shard_goes_to_who_asks_first_and_the_other_hears_who_won(table: Table) -> None:
    a, b = await table.join(member("a")), await table.join(member("b"))
    assert await table.give(a, {1: a, 2: a}) == {1: "a", 2: "a"}
    assert await table.give(b, {2: b, 3: b}) == {2: "a", 3: "b"}


async def test_a_holder_gives_its_shard_away_and_nobody_else_does(table: Table) -> None:
    a, b = await table.join(member("a")), await table.join(member("b"))
    await table.give(a, {1: a})
    assert await table.give(b, {1: b}) == {1: "a"}
    assert await table.give(a, {1: b}) == {1: "b"}
    assert await table.give(a, {1: a}) == {1: "b"}


async def test_a_shard_of_a_silent_node_may_be_taken(table: Table) -> None:
    a, b = await table.join(member("a")), await table.join(member("b"))
    await table.give(a, {1: a})
    await table.silence(a)
    assert await table.give(b, {1: b}) == {1: "b"}


async def test_nothing_is_given_to_a_silent_node_or_an_earlier_process(table: Table) -> None:
    a, b = await table.join(member("a")), await table.join(member("b"))
    await table.join(member("b", number=2))
    assert await table.give(b, {1: b}) == {}
    await table.give(a, {1: a})
    assert await table.give(a, {1: b}) == {1: "a"}
    await table.silence(a)
    assert await table.give(a, {2: a}) == {}


async def test_a_restarted_node_takes_over_from_itself(table: Table) -> None:
    old = await table.join(member("a"))
    await table.give(old, {1: old})
    new = await table.join(member("a", number=2))
    assert await table.give(new, {1: new}) == {1: "a"}
    assert await table.redis.command("HGET", KEYS.state[3], 1) == str(new).encode()


async def test_the_version_rises_with_each_change_and_only_then(table: Table) -> None:
    a = await table.join(member("a"))
    before = await table.version()
    await table.give(a, {1: a})
    after = await table.version()
    assert after > before
    await table.give(a, {1: a})
    assert await table.version() == after


async def test_the_version_never_repeats_after_redis_lost_its_data(table: Table) -> None:
    a = await table.join(member("a"))
    await table.give(a, {1: a})
    before = await table.version()
    await table.redis.command("FLUSHALL")
    await table.join(member("a"))
    assert await table.version() > before


async def test_an_epoch_is_raised_only_from_the_one_that_was_read(db: Database) -> None:
    leases = Leases(db=db)
    assert await leases.raise_from({3: 0, 4: 0}, "a") == {3: 1, 4: 1}
    assert await leases.raise_from({3: 0, 4: 1}, "b") == {4: 2}
    taken = await leases.read([3, 4, 5])
    assert {shard: (found.epoch, found.node) for shard, found in taken.items()} == {
        3: (1, "a"),
        4: (2, "b"),
        5: (0, ""),
    }


async def test_the_database_has_one_identity(db: Database) -> None:
    leases = Leases(db=db)
    assert await leases.cluster_id() == await leases.cluster_id()
