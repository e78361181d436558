from __future__ import annotations

import asyncio

import pytest

from server.features.people.accounts.passwords import Passwords
from server.hashing.argon2 import Cost, Work
from server.hashing.process import HashingFailed, HashingThreads
from server.http.errors import Problem

CHEAP = Cost(time_cost=1, memory_kib=64)


async def test_verify_tells_right_from_wrong(cheap_passwords: Passwords) -> None:
    stored = await cheap_passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await cheap_passwords.verify(stored, "correct horse")
    assert not await cheap_passwords.verify(stored, "wrong horse")


async def test_verify_of_nobody_and_of_a_broken_hash_is_false(cheap_passwords: Passwords) -> None:
    assert not await cheap_passwords.verify(None, "correct horse")
    assert not await cheap_passwords.verify("", "correct horse")
    assert not await cheap_passwords.verify("not a hash", "correct horse")


async def test_more_than_the_queue_holds_is_refused_with_a_retry() -> None:
    passwords = Passwords(cost=CHEAP, at_once=1, hashing=HashingThreads(), max_waiting=2)
    results = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(6)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, Problem)]
    assert len(refused) == 3
    assert {one.status for one in refused} == {503}
    assert refused[0].headers["Retry-After"] == "1"
    assert (await passwords.hash("correct horse")).startswith("$argon2id$")
    passwords.close()


async def test_cancelled_caller_gives_its_place_back_when_the_work_is_done() -> None:
    passwords = Passwords(cost=CHEAP, at_once=1, hashing=HashingThreads(), max_waiting=0)
    caller = asyncio.ensure_future(passwords.hash("correct horse"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(30):
        while True:
            try:
                await passwords.hash("correct horse")
                break
            except Problem:
                await asyncio.sleep(0.001)
    passwords.close()


async def test_a_turn_that_does_not_come_in_time_is_a_503_with_a_retry() -> None:
    passwords = Passwords(cost=CHEAP, hashing=Starved())
    with pytest.raises(Problem) as refused:
        await passwords.hash("correct horse")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")


class Starved:
    """``Hashing`` whose turn never comes."""

    async def carry_out(self, work: Work, *, within_s: float) -> str:
        raise HashingFailed(f"not within {within_s} s")

    def close(self) -> None: ...
