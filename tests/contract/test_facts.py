"""What facts and their readers keep to."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import Any

import pytest

from actors.runtime import Fence
from storage.errors import Fenced
from storage.facts import BATCH, MAX_FAILURES, Advance, Consumer, Consumers, Fact, by_name, pause_s, publish
from tests.contract.conftest import Drivers

WRITERS = 12
READER = "diary"


class Counted(Fact, frozen=True, kw_only=True, tag="test.counted"):
    number: int


class Unread(Fact, frozen=True, kw_only=True, tag="test.unread"):
    """Of a feature that nobody reads."""


class Refused(Exception):
    """What a consumer raises."""


class Diary:
    """A consumer that writes the number of each fact, in the transaction of its reader."""

    def __init__(self, drivers: Drivers, *, refuses: int | None = None) -> None:
        self._drivers = drivers
        self.refuses = refuses
        self.calls = 0

    async def write(self, tx: Any, fact: Counted) -> None:
        self.calls += 1
        await self._drivers.note(tx, fact.number)
        if fact.number == self.refuses:
            raise Refused(f"not {fact.number}")

    @property
    def consumers(self) -> Consumers:
        return by_name([Consumer(Counted, self.write)])


async def tell(drivers: Drivers, *numbers: int) -> None:
    for number in numbers:
        async with drivers.transaction() as tx:
            await publish(tx, Counted(number=number))


async def read_all(drivers: Drivers, consumers: Consumers, *, reader: str = READER) -> list[Advance]:
    """Step by step until there is nothing to read; pauses are not waited for."""
    steps = []
    while True:
        step = await drivers.facts.advance(reader, consumers, fence=drivers.fence)
        if step.again_after_s is None and not step.read:
            return steps
        steps.append(step)


async def test_facts_are_handled_in_order_and_once(drivers: Drivers) -> None:
    diary = Diary(drivers)
    await drivers.facts.open(READER)
    await tell(drivers, 1, 2, 3)
    await read_all(drivers, diary.consumers)
    await tell(drivers, 4)
    await drivers.facts.open(READER)
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == [1, 2, 3, 4]
    assert diary.calls == 4


async def test_a_fact_of_a_transaction_that_is_rolled_back_never_was(drivers: Drivers) -> None:
    diary = Diary(drivers)
    await drivers.facts.open(READER)
    with contextlib.suppress(Refused):
        async with drivers.transaction() as tx:
            await publish(tx, Counted(number=1))
            raise Refused
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == []


async def test_a_fact_that_was_written_first_and_committed_last_is_not_lost(drivers: Drivers) -> None:
    diary = Diary(drivers)
    await drivers.facts.open(READER)
    async with drivers.transaction() as slow:
        await publish(slow, Counted(number=1))
        await tell(drivers, 2)
        await drivers.facts.advance(READER, diary.consumers, fence=drivers.fence)
    await read_all(drivers, diary.consumers)
    assert sorted(await drivers.noted()) == [1, 2]


async def test_of_twelve_writers_at_once_no_fact_is_lost_or_handled_twice(drivers: Drivers) -> None:
    diary, each = Diary(drivers), 25
    await drivers.facts.open(READER)

    async def write(writer: int) -> None:
        rng = Random(writer)
        for at in range(each):
            async with drivers.transaction() as tx:
                await publish(tx, Counted(number=writer * each + at))
                for _ in range(rng.randrange(4)):
                    await drivers.touch(tx)

    writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    while not writing.done():
        await drivers.facts.advance(READER, diary.consumers, fence=drivers.fence)
        await asyncio.sleep(0)
    await writing
    await read_all(drivers, diary.consumers)
    noted = await drivers.noted()
    assert sorted(noted) == list(range(WRITERS * each))
    for writer in range(WRITERS):
        mine = [number for number in noted if number // each == writer]
        assert mine == sorted(mine)


async def test_what_a_failing_consumer_wrote_is_undone_and_the_facts_before_it_are_kept(drivers: Drivers) -> None:
    diary = Diary(drivers, refuses=3)
    await drivers.facts.open(READER)
    await tell(drivers, 1, 2, 3, 4)
    await drivers.facts.advance(READER, diary.consumers, fence=drivers.fence)
    failed = await drivers.facts.advance(READER, diary.consumers, fence=drivers.fence)
    assert failed == Advance(again_after_s=pause_s(1), error="Refused: not 3")
    assert await drivers.noted() == [1, 2]
    [state] = await drivers.facts.readers()
    assert (state.name, state.behind, state.failures, state.error) == (READER, 2, 1, "Refused: not 3")


async def test_a_fact_that_failed_ten_times_is_put_aside_and_the_reader_goes_on(drivers: Drivers) -> None:
    diary = Diary(drivers, refuses=1)
    await drivers.facts.open(READER)
    await tell(drivers, 1, 2)
    steps = await read_all(drivers, diary.consumers)
    assert [step.aside for step in steps if step.aside] == ["test.counted"]
    assert sum(bool(step.error) for step in steps) == MAX_FAILURES == 10
    assert await drivers.noted() == [2]
    [aside] = await drivers.facts.aside()
    assert (aside.reader, aside.name, aside.body["number"], aside.error) == (
        READER,
        "test.counted",
        1,
        "Refused: not 1",
    )
    [state] = await drivers.facts.readers()
    assert (state.behind, state.failures, state.error, state.aside) == (0, 0, "", 1)


async def test_failures_are_counted_for_one_fact_at_a_time(drivers: Drivers) -> None:
    diary = Diary(drivers, refuses=1)
    await drivers.facts.open(READER)
    await tell(drivers, 1)
    for _ in range(MAX_FAILURES - 1):
        await drivers.facts.advance(READER, diary.consumers, fence=drivers.fence)
    diary.refuses = None
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == [1]
    assert await drivers.facts.aside() == []
    assert [state.failures for state in await drivers.facts.readers()] == [0]


async def test_facts_put_aside_are_listed_newest_first_page_by_page_and_by_reader(drivers: Drivers) -> None:
    diary = Diary(drivers, refuses=7)
    for reader in (READER, "ledger"):
        await drivers.facts.open(reader)
    await tell(drivers, 7, 7)
    for reader in (READER, "ledger"):
        await read_all(drivers, diary.consumers, reader=reader)
    found = await drivers.facts.aside()
    assert [fact.reader for fact in found] == ["ledger", "ledger", READER, READER]
    assert await drivers.facts.aside(before=found[1].id, limit=1) == [found[2]]
    assert await drivers.facts.aside(reader=READER) == found[2:]


async def test_a_fact_that_was_put_aside_goes_to_its_reader_alone_when_it_is_tried_again(drivers: Drivers) -> None:
    failing, other = Diary(drivers, refuses=1), Diary(drivers)
    for reader in ("failing", "other"):
        await drivers.facts.open(reader)
    await tell(drivers, 1)
    await read_all(drivers, failing.consumers, reader="failing")
    failing.refuses = None
    [aside] = await drivers.facts.aside()
    assert await drivers.facts.retry(aside.id)
    assert not await drivers.facts.retry(aside.id)
    await read_all(drivers, failing.consumers, reader="failing")
    await read_all(drivers, other.consumers, reader="other")
    assert await drivers.noted() == [1, 1]
    assert other.calls == 1
    assert await drivers.facts.aside() == []


async def test_facts_that_nobody_handles_are_passed_over(drivers: Drivers) -> None:
    diary = Diary(drivers)
    await drivers.facts.open(READER)
    async with drivers.transaction() as tx:
        await publish(tx, Unread(), Counted(number=1), Unread())
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == [1]
    assert [state.behind for state in await drivers.facts.readers()] == [0]


async def test_a_reader_is_waited_for_by_what_it_handles_by_many_others_and_before_it_was_ever_open(
    drivers: Drivers,
) -> None:
    readers = {READER: Diary(drivers).consumers}
    assert await drivers.facts.waiting(readers, at_least=BATCH) == [READER]
    await drivers.facts.open(READER)
    for published, waits in (((), False), ([Unread()] * (BATCH - 1), False), ([Unread()], True)):
        async with drivers.transaction() as tx:
            await publish(tx, *published)
        assert bool(await drivers.facts.waiting(readers, at_least=BATCH)) is waits
    assert await drivers.facts.waiting(readers, at_least=1) == [READER]
    await read_all(drivers, readers[READER])
    assert await drivers.facts.waiting(readers, at_least=1) == []
    await tell(drivers, 1)
    assert await drivers.facts.waiting(readers, at_least=BATCH) == [READER]


async def test_a_fact_that_fails_after_others_that_nobody_handles_is_put_aside_alone(drivers: Drivers) -> None:
    diary = Diary(drivers, refuses=1)
    await drivers.facts.open(READER)
    async with drivers.transaction() as tx:
        await publish(tx, Unread(), Unread(), Counted(number=1), Unread(), Counted(number=2))
    steps = await read_all(drivers, diary.consumers)
    assert sum(bool(step.error) for step in steps) == MAX_FAILURES
    assert await drivers.noted() == [2]
    assert [fact.body["number"] for fact in await drivers.facts.aside()] == [1]


async def test_a_field_that_a_later_version_added_is_passed_over(drivers: Drivers) -> None:
    class Later(Fact, frozen=True, kw_only=True, tag="test.counted"):
        number: int
        mood: str = "fine"

    diary = Diary(drivers)
    await drivers.facts.open(READER)
    async with drivers.transaction() as tx:
        await publish(tx, Later(number=1))
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == [1]


async def test_a_fact_that_lacks_a_field_is_put_aside(drivers: Drivers) -> None:
    class Earlier(Fact, frozen=True, kw_only=True, tag="test.counted"):
        pass

    diary = Diary(drivers)
    await drivers.facts.open(READER)
    async with drivers.transaction() as tx:
        await publish(tx, Earlier())
    await read_all(drivers, diary.consumers)
    [aside] = await drivers.facts.aside()
    assert "number" in aside.error
    assert diary.calls == 0


async def test_readers_stand_apart(drivers: Drivers) -> None:
    failing, fine = Diary(drivers, refuses=1), Diary(drivers)
    for reader in ("failing", "fine"):
        await drivers.facts.open(reader)
    await tell(drivers, 1, 2)
    await drivers.facts.advance("failing", failing.consumers, fence=drivers.fence)
    await read_all(drivers, fine.consumers, reader="fine")
    assert await drivers.noted() == [1, 2]


async def test_a_reader_that_comes_late_begins_with_the_oldest_fact_and_takes_bounded_batches(drivers: Drivers) -> None:
    diary, count = Diary(drivers), 3000
    async with drivers.transaction() as tx:
        await publish(tx, *(Counted(number=number) for number in range(count)))
    await drivers.facts.open(READER)
    steps = await read_all(drivers, diary.consumers)
    assert await drivers.noted() == list(range(count))
    assert max(step.read for step in steps) <= 100


async def test_an_owner_that_was_replaced_reads_nothing_and_counts_no_failure(drivers: Drivers) -> None:
    diary = Diary(drivers)
    await drivers.facts.open(READER)
    await tell(drivers, 1)
    stale = Fence(shard=drivers.fence.shard, epoch=drivers.fence.epoch - 1)
    with pytest.raises(Fenced):
        await drivers.facts.advance(READER, diary.consumers, fence=stale)
    assert await drivers.noted() == []
    assert [state.failures for state in await drivers.facts.readers()] == [0]


async def test_facts_are_pruned_when_all_readers_have_passed_them(drivers: Drivers) -> None:
    diary = Diary(drivers)
    for reader in (READER, "slow"):
        await drivers.facts.open(reader)
    await tell(drivers, 1, 2, 3)
    await read_all(drivers, diary.consumers)
    assert await drivers.facts.prune([READER, "slow"]) == 0
    await read_all(drivers, {}, reader="slow")
    await tell(drivers, 4)
    assert await drivers.facts.prune([READER, "slow"]) == 3
    await read_all(drivers, diary.consumers)
    assert await drivers.noted() == [1, 2, 3, 4]
