"""What several clients ask for at one time is written together, and each has its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from actors.runtime import DomainError, Unavailable
from server.features.rooms import groups
from server.features.rooms.groups import GroupCommit
from storage.errors import Conflict
from storage.errors import Unavailable as Away


class Writes:
    """``write`` keeps each group; it waits for ``gate`` and raises ``error``."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def write(self, items: Sequence[int]) -> list[int | DomainError | Unavailable]:
        self.groups.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [DomainError("odd") if item % 2 else item * 10 for item in items]


async def test_what_comes_while_a_group_is_written_is_the_next_group() -> None:
    writes = Writes()
    commit = GroupCommit(name="test", write=writes.write)
    first = [commit.submit(item) for item in (2, 4)]
    await asyncio.sleep(0)
    later = commit.submit(6)
    writes.gate.set()
    assert await asyncio.gather(*first, later) == [20, 40, 60]
    assert writes.groups == [[2, 4], [6]]


async def test_a_refusal_is_of_one_item_alone() -> None:
    writes = Writes()
    writes.gate.set()
    commit = GroupCommit(name="test", write=writes.write)
    good, bad = commit.submit(2), commit.submit(3)
    assert await good == 20
    with pytest.raises(DomainError, match="odd"):
        await bad


@pytest.mark.parametrize("error", [Away("postgres", "it is away"), Conflict("some_key")])
async def test_when_a_group_fails_each_of_it_may_be_asked_for_again(error: Exception) -> None:
    writes = Writes()
    writes.gate.set()
    commit = GroupCommit(name="test", write=writes.write)
    writes.error = error
    for outcome in [commit.submit(2), commit.submit(4)]:
        with pytest.raises(Unavailable):
            await outcome
    writes.error = None
    assert await commit.submit(2) == 20


async def test_beyond_its_bound_nothing_more_is_taken_in_and_a_client_that_left_holds_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MAX_WAITING", 2)
    writes = Writes()
    commit = GroupCommit(name="test", write=writes.write)
    left, stays = commit.submit(2), commit.submit(4)
    with pytest.raises(DomainError) as refusal:
        commit.submit(6)
    assert (refusal.value.code, refusal.value.retry_after_s) == ("overloaded", 1.0)
    left.cancel()
    writes.gate.set()
    assert await stays == 40


async def test_a_close_writes_what_waits() -> None:
    writes = Writes()
    writes.gate.set()
    commit = GroupCommit(name="test", write=writes.write)
    outcome = commit.submit(2)
    await commit.close()
    assert outcome.result() == 20


async def test_a_defect_of_the_write_leaves_nobody_waiting() -> None:
    writes = Writes()
    writes.gate.set()
    writes.error = LookupError("a defect")
    commit = GroupCommit(name="test", write=writes.write)
    outcomes = await asyncio.gather(commit.submit(2), commit.submit(4), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
