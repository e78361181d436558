"""Who may guess how often, and whom it keeps out."""

from __future__ import annotations

import pytest

from server.features.people.accounts.devices import Device, Seen
from server.features.people.accounts.guesses import Guesses
from server.http.errors import Problem
from server.http.limits import TokenBuckets

OWNER = "ada"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Gate:
    def __init__(self) -> None:
        self.clock = Clock()
        self.guesses = Guesses(limiter=TokenBuckets(monotonic=self.clock))

    async def wrong(self, device: Device, *, times: int = 1, every_s: float = 0.0) -> int:
        """How many of so many wrong guesses were let in."""
        let_in = 0
        for _ in range(times):
            self.clock.now += every_s
            let_in += await self._begins(device)
        return let_in

    async def right(self, device: Device) -> bool:
        try:
            attempt = await self.guesses.begin(OWNER, device, seen=_seen(device))
        except Problem:
            return False
        await self.guesses.was_right(attempt)
        return True

    async def _begins(self, device: Device) -> bool:
        try:
            await self.guesses.begin(OWNER, device, seen=_seen(device))
        except Problem:
            return False
        return True


def _device(address: str = "203.0.113.9", agent: str = "stranger", cookie: str = "") -> Device:
    return Device(address=address, user_agent=agent, cookie=cookie)


def _seen(device: Device) -> Seen:
    """By an account that was used with one browser at one address."""
    addresses = ["198.51.100.1"] if device.agent == "browser" else []
    return Seen(is_first=False, has_cookie=device.cookie == "c" * 22, addresses=addresses)


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def test_owner_gets_in_from_a_new_address_whatever_one_stranger_does(gate: Gate) -> None:
    assert await gate.wrong(_device(), times=200) == 10
    for _ in range(600):
        await gate.wrong(_device(), every_s=2.0)
        assert await gate.right(_device("198.51.100.77", "new"))


async def test_a_stranger_with_one_ipv6_network_counts_as_one(gate: Gate) -> None:
    assert sum([await gate.wrong(_device(f"2001:db8::{number}")) for number in range(1, 200)]) == 10


async def test_guesses_from_many_addresses_are_bounded_together_and_known_devices_get_in(gate: Gate) -> None:
    assert sum([await gate.wrong(_device(f"203.0.113.{number}"), times=10) for number in range(250)]) == 100
    assert not await gate.right(_device("198.51.100.77"))
    assert await gate.right(_device("198.51.100.77", cookie="c" * 22))
    assert await gate.right(_device("198.51.100.1", "browser"))
    assert not await gate.right(_device("198.51.100.1", "another browser"))


async def test_known_device_has_a_budget_of_its_own_which_is_bounded_too(gate: Gate) -> None:
    assert await gate.wrong(_device("198.51.100.1", "stranger"), times=20) == 10
    assert await gate.wrong(_device("198.51.100.1", "browser"), times=20) == 10


async def test_a_neighbour_with_the_same_browser_does_not_use_up_a_known_cookie(gate: Gate) -> None:
    await gate.wrong(_device("198.51.100.1", "browser"), times=100)
    assert not await gate.right(_device("198.51.100.1", "browser"))
    assert await gate.right(_device("198.51.100.1", "browser", cookie="c" * 22))


async def test_what_was_right_costs_nothing(gate: Gate) -> None:
    assert all([await gate.right(_device()) for _ in range(300)])
    assert await gate.wrong(_device(), times=12) == 10


async def test_guesses_come_back_with_time(gate: Gate) -> None:
    assert await gate.wrong(_device(), times=12) == 10
    assert await gate.wrong(_device(), times=3, every_s=60.0) == 3


async def test_the_wait_grows_as_guesses_go_on_and_the_account_stays_open_to_others(gate: Gate) -> None:
    async def in_an_hour() -> int:
        return await gate.wrong(_device(), times=60, every_s=60.0)

    hours = [await in_an_hour() for _ in range(12)]
    assert hours[0] > 20
    assert hours[2] in range(4, 8)
    assert hours[11] == 0 or hours[11] == 1
    assert sum(hours) < 65
    assert await gate.right(_device("198.51.100.77", "new"))


async def test_what_is_refused_costs_nothing(gate: Gate) -> None:
    for _ in range(25):
        await gate.wrong(_device(), every_s=60.0)
    for _ in range(500):
        await gate.wrong(_device())
    assert await gate.wrong(_device(), times=1, every_s=600.0) == 1
