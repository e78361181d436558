"""Sockets of an account, here and elsewhere, and what nodes tell each other of people."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import pytest

from actors.rate_limits import Consumption, RateLimits
from actors.runtime import DomainError, ManualClock, Unavailable
from server.live.admission import RESEND_S, SHARE_S, ConnectionQuota, QuotaSync
from tests.actors.room_fixture import FACTORS, RATES


class Shared:
    """What the nodes know together, in memory."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, int]] = {}
        self.spent: list[str] = []
        self.asked = 0
        self.is_away = False


class Table:
    """One node's side of it."""

    def __init__(self, shared: Shared, node: str) -> None:
        self._shared = shared
        self._node = node

    async def consume(self, spent: Sequence[Consumption]) -> list[float]:
        self._reach()
        self._shared.spent += [one.key for one in spent]
        return [5.0 for _ in spent]

    async def count_sockets(self, counts: Mapping[str, int], *, holds_s: float) -> list[int]:
        self._reach()
        self._shared.said.setdefault(self._node, {}).update(counts)
        others = [said for node, said in self._shared.said.items() if node != self._node]
        return [sum(said.get(account, 0) for said in others) for account in counts]

    def _reach(self) -> None:
        self._shared.asked += 1
        if self._shared.is_away:
            raise Unavailable("redis", "it is away")


class Place:
    """One node's part in it."""

    def __init__(self, shared: Shared, node: str, *, most: int = 6, is_alone: bool = False) -> None:
        self.clock = ManualClock()
        self.rate_limits = RateLimits(rates=RATES, factors=FACTORS)
        self.connection_quota = ConnectionQuota(per_account=most, per_staff_account=2 * most, guests=2)
        self.quota_sync = QuotaSync(
            rate_limits=self.rate_limits,
            connection_quota=self.connection_quota,
            table=Table(shared, node),
            clock=self.clock,
            is_alone=lambda: is_alone,
        )

    def enter(self, account: str = "ann", *, roles: tuple[str, ...] = ()) -> bool:
        has_room = self.connection_quota.has_room(account, roles)
        if has_room:
            self.connection_quota.enter(account)
        return has_room

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.clock.settle()


def test_an_account_has_as_many_sockets_as_its_role_may_and_each_that_leaves_makes_room() -> None:
    place = Place(Shared(), "n1", most=2)
    assert [place.enter() for _ in range(3)] == [True, True, False]
    assert [place.enter(roles=("moderator",)) for _ in range(3)] == [True, True, False]
    for _ in range(3):
        place.connection_quota.leave("ann")
    assert place.enter()
    assert place.enter("bob")


def test_guests_have_their_own_number() -> None:
    connection_quota = Place(Shared(), "n1").connection_quota
    for _ in range(2):
        assert connection_quota.has_room_for_guest()
        connection_quota.enter(None)
    assert not connection_quota.has_room_for_guest()
    connection_quota.leave(None)
    assert connection_quota.has_room_for_guest()


async def test_an_account_that_has_its_sockets_elsewhere_opens_no_more_here() -> None:
    shared = Shared()
    here, there = Place(shared, "n1"), Place(shared, "n2")
    assert all(here.enter() for _ in range(6))
    await here.quota_sync.share()
    assert there.enter()
    await there.quota_sync.share()
    assert not there.enter()
    for _ in range(6):
        here.connection_quota.leave("ann")
    await here.quota_sync.share()
    assert not there.enter(), "it has not heard of it yet, and asks because it refused"
    await there.quota_sync.share()
    assert there.enter()


async def test_accounts_with_a_few_sockets_are_nobody_elses_affair() -> None:
    shared = Shared()
    place = Place(shared, "n1", most=50)
    assert all(place.enter() for _ in range(3))
    await place.quota_sync.share()
    assert shared.asked == 0
    place.enter()
    await place.quota_sync.share()
    assert shared.said == {"n1": {"ann": 4}}
    place.connection_quota.leave("ann")
    await place.quota_sync.share()
    assert shared.said == {"n1": {"ann": 0}}


async def test_what_was_said_is_said_again_before_it_is_forgotten() -> None:
    shared = Shared()
    place = Place(shared, "n1", most=2)
    place.enter()
    place.quota_sync.start()
    await place.wait(SHARE_S)
    assert shared.said.pop("n1") == {"ann": 1}
    await place.wait(SHARE_S)
    assert shared.said == {}
    for _ in range(round(RESEND_S / SHARE_S) + 1):
        await place.wait(SHARE_S)
    assert shared.said == {"n1": {"ann": 1}}
    await place.quota_sync.close()


async def test_while_nothing_can_be_heard_each_node_goes_by_itself_and_then_says_all_again() -> None:
    shared = Shared()
    here, there = Place(shared, "n1", most=2), Place(shared, "n2", most=2)
    assert [there.enter(), there.enter()] == [True, True]
    await there.quota_sync.share()
    here.enter()
    here.quota_sync.start()
    await here.wait(SHARE_S)
    assert not here.enter()
    shared.is_away = True
    await here.wait(SHARE_S)
    assert here.enter()
    assert not here.enter()
    shared.is_away = False
    shared.said.clear()
    await here.wait(SHARE_S)
    assert shared.said == {"n1": {"ann": 2}}
    await here.quota_sync.close()


@pytest.mark.parametrize("is_alone", [True, False])
async def test_what_was_spent_is_said_to_the_others_and_what_they_know_is_taken_over(is_alone: bool) -> None:
    shared = Shared()
    place = Place(shared, "n1", is_alone=is_alone)
    place.rate_limits.consume("chat", "viewer", "ann", at=place.clock.monotonic())
    place.quota_sync.start()
    await place.wait(SHARE_S)
    assert shared.spent == ([] if is_alone else ["chat:ann"])
    refused: contextlib.AbstractContextManager[object] = (
        contextlib.nullcontext() if is_alone else pytest.raises(DomainError)
    )
    with refused:
        place.rate_limits.consume("chat", "viewer", "ann", at=place.clock.monotonic())
    await place.quota_sync.close()
