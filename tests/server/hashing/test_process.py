"""The process that hashes: what it answers, that it gives way, and that its end loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from server.hashing.argon2 import MATCHES, Cost, Hash, Verify
from server.hashing.process import HANGS_AFTER_S, HashingFailed, HashingProcess
from tests.e2e.waiting import until_true

CHEAP = Cost(time_cost=1, memory_kib=64)
HASH = Hash("correct horse", CHEAP)
WITHIN_S = 60.0


@pytest.fixture
async def hashing() -> AsyncIterator[HashingProcess]:
    """It leaves no process behind."""
    process = HashingProcess(threads=2)
    yield process
    pid = process.pid
    process.close()
    assert pid is not None
    await until_true(lambda: not _is_there(pid), what="the end of the process")


async def test_it_hashes_and_verifies_and_gives_way_to_the_node(hashing: HashingProcess) -> None:
    stored, other = await asyncio.gather(*(hashing.carry_out(HASH, within_s=WITHIN_S) for _ in range(2)))
    assert stored != other
    assert CHEAP.is_of(stored)
    assert await hashing.carry_out(Verify("correct horse", stored), within_s=WITHIN_S) == MATCHES
    assert await hashing.carry_out(Verify("wrong horse", stored), within_s=WITHIN_S) == ""
    assert hashing.pid is not None
    priorities = [os.getpriority(os.PRIO_PROCESS, pid) for pid in (hashing.pid, os.getpid())]
    assert priorities[0] == min(19, priorities[1] + 10)


async def test_an_order_whose_process_is_killed_is_carried_out_by_the_next_one(hashing: HashingProcess) -> None:
    first = await _started(hashing)
    os.kill(first, signal.SIGSTOP)
    orders = [asyncio.ensure_future(hashing.carry_out(HASH, within_s=WITHIN_S)) for _ in range(3)]
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    assert all(CHEAP.is_of(stored) for stored in await asyncio.gather(*orders))
    assert hashing.pid not in (None, first)


async def test_an_overdue_order_is_not_begun(hashing: HashingProcess) -> None:
    with pytest.raises(HashingFailed):
        await hashing.carry_out(HASH, within_s=-0.001)
    assert CHEAP.is_of(await hashing.carry_out(HASH, within_s=WITHIN_S))


async def test_a_process_that_hangs_is_ended_and_the_next_one_works(hashing: HashingProcess) -> None:
    first = await _started(hashing)
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(HashingFailed):
        await hashing.carry_out(HASH, within_s=0.01 - HANGS_AFTER_S)
    assert CHEAP.is_of(await hashing.carry_out(HASH, within_s=WITHIN_S))
    assert hashing.pid != first


async def test_what_is_not_answered_when_it_is_closed_fails_and_starts_no_other_process() -> None:
    hashing = HashingProcess(threads=1)
    pid = await _started(hashing)
    os.kill(pid, signal.SIGSTOP)
    order = asyncio.ensure_future(hashing.carry_out(HASH, within_s=WITHIN_S))
    await asyncio.sleep(0)
    hashing.close()
    with pytest.raises(HashingFailed):
        await order
    assert hashing.pid is None
    await until_true(lambda: not _is_there(pid), what="the end of the process")


async def _started(hashing: HashingProcess) -> int:
    await hashing.carry_out(HASH, within_s=WITHIN_S)
    assert hashing.pid is not None
    return hashing.pid


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
