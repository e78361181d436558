"""What facts keep to on Postgres beside the contract: restored dumps, consumers that hang or spoil, absent readers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any

import pytest

from actors.runtime import Fence
from storage import facts as facts_module
from storage.errors import StorageError
from storage.facts import HELD_BACK_S, Advance, Consumer, ConsumerFailed, Fact, Facts, by_name, publish
from storage.leases import Leases
from storage.postgres import Database, Transaction

READER = "diary"


class Counted(Fact, frozen=True, kw_only=True, tag="test.counted"):
    number: int


async def note(tx: Transaction, fact: Counted) -> None:
    await tx.execute("insert into noted (number) values ($1)", fact.number)


DIARY = by_name([Consumer(Counted, note)])


@pytest.fixture
async def facts(db: Database) -> Facts:
    await db.execute("create table noted (place bigint generated always as identity, number int)")
    made = Facts(db=db)
    await made.open(READER)
    return made


@pytest.fixture
async def fence(db: Database) -> Fence:
    return Fence(shard=7, epoch=(await Leases(db=db).take_all("n1"))[7])


async def tell(db: Database, *numbers: int) -> None:
    async with db.transaction() as tx:
        await publish(tx, *(Counted(number=number) for number in numbers))


async def noted(db: Database) -> list[int]:
    return [row["number"] for row in await db.fetch("select number from noted order by place")]


async def read_all(facts: Facts, fence: Fence, consumers: Any = DIARY) -> list[Advance]:
    steps = []
    while True:
        step = await facts.advance(READER, consumers, fence=fence)
        if step.again_after_s is None and not step.read:
            return steps
        steps.append(step)


async def as_of_another_server(db: Database) -> None:
    """Transaction ids as they are after a dump of a much older server was restored."""
    later = "set xid = (xid::text::bigint + 1000000000)::text::xid8"
    await db.execute(f"update facts {later}")
    await db.execute(f"update fact_readers {later}")


@pytest.mark.parametrize("times", [1, 2])
async def test_facts_and_positions_of_a_restored_dump_stay_in_order_and_before_all_that_come(
    db: Database, facts: Facts, fence: Fence, times: int
) -> None:
    await tell(db, 1, 2)
    await Facts(db=db, limit=1).advance(READER, DIARY, fence=fence)
    for _ in range(times):
        await as_of_another_server(db)
        await facts.adopt()
        await tell(db, 3)
    await read_all(facts, fence)
    assert await noted(db) == [1, 2] + [3] * times


async def test_the_step_that_reads_the_last_fact_knows_that_nothing_waits_or_waits_for_a_transaction(
    db: Database, facts: Facts, fence: Fence
) -> None:
    await tell(db, 1)
    assert await facts.advance(READER, DIARY, fence=fence) == Advance(again_after_s=None, read=1)
    await tell(db, 2)
    async with db.transaction() as older:
        await older.execute("insert into noted (number) values (0)")
        await tell(db, 3)
        assert await facts.advance(READER, DIARY, fence=fence) == Advance(again_after_s=HELD_BACK_S, read=1)
        assert await facts.advance(READER, DIARY, fence=fence) == Advance(again_after_s=HELD_BACK_S)
    assert await facts.advance(READER, DIARY, fence=fence) == Advance(again_after_s=None, read=1)
    assert [number for number in await noted(db) if number] == [1, 2, 3]


async def test_a_database_that_is_its_own_is_left_as_it_is(db: Database, facts: Facts, fence: Fence) -> None:
    await tell(db, 1)
    await read_all(facts, fence)
    before = await db.fetch("select xid::text, id from facts union all select xid::text, id from fact_readers")
    await facts.adopt()
    assert await db.fetch("select xid::text, id from facts union all select xid::text, id from fact_readers") == before


async def test_a_consumer_that_hangs_is_a_failure(
    db: Database, facts: Facts, fence: Fence, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(tx: Transaction, fact: Counted) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(facts_module, "HANDLER_S", 0.01)
    await tell(db, 1)
    failed = await facts.advance(READER, by_name([Consumer(Counted, hang)]), fence=fence)
    assert failed.error == "TimeoutError"
    await read_all(facts, fence)
    assert await noted(db) == [1]


async def test_a_consumer_that_spoils_the_transaction_without_a_word_is_a_failure_of_its_fact(
    db: Database, facts: Facts, fence: Fence
) -> None:
    async def spoil(tx: Transaction, fact: Counted) -> None:
        if fact.number != 2:
            return await note(tx, fact)
        with contextlib.suppress(StorageError):
            await tx.execute("select nothing from nowhere")
        return None

    await tell(db, 1, 2)
    await tell(db, 3)
    steps = await read_all(facts, fence, by_name([Consumer(Counted, spoil)]))
    assert [step.aside for step in steps if step.aside] == ["test.counted"]
    assert await noted(db) == [1, 3]
    assert [aside.body["number"] for aside in await facts.aside()] == [2]


async def test_a_failure_that_came_after_the_commit_is_not_counted(db: Database, facts: Facts, fence: Fence) -> None:
    await tell(db, 1, 2)
    first = await db.fetchval("select min(id) from facts")
    await read_all(facts, fence)
    lost_answer = ConsumerFailed(0, first, OSError("the connection is lost"))
    assert await facts._fail(READER, lost_answer, DIARY, fence) == Advance(again_after_s=0.0)
    assert [state.failures for state in await facts.readers()] == [0]


async def test_two_owners_at_once_handle_each_fact_once(db: Database, facts: Facts, fence: Fence) -> None:
    await tell(db, *range(50))
    both = [read_all(Facts(db=db, limit=5), fence) for _ in range(2)]
    await asyncio.gather(*both)
    assert await noted(db) == list(range(50))


async def test_a_reader_that_no_node_runs_keeps_facts_for_thirty_days_and_its_position_for_good(
    db: Database, facts: Facts, fence: Fence
) -> None:
    await facts.open("gone")
    await tell(db, 1, 2)
    await read_all(facts, fence)
    await db.execute("update fact_readers set seen_at = now() - interval '29 days' where name = 'gone'")
    assert await facts.prune([READER]) == 0
    await db.execute("update fact_readers set seen_at = now() - interval '31 days'")
    assert await facts.prune([READER]) == 2
    assert [state.name for state in await facts.readers()] == [READER, "gone"]


async def test_facts_that_no_reader_waits_for_are_kept_for_a_month(db: Database) -> None:
    facts = Facts(db=db)
    await db.execute(
        "insert into facts (name, body, at) select 'old', '{}', now() - interval '31 days' from generate_series(1, 3)"
    )
    await db.execute("insert into facts (name, body) values ('young', '{}')")
    assert await facts.prune([]) == 3
    assert await db.fetchval("select array_agg(name) from facts") == ["young"]
    await facts.open(READER)
    await db.execute("update facts set at = now() - interval '31 days'")
    assert await facts.prune([READER]) == 0


KILLED = """
import asyncio, sys
from storage.facts import Consumer, Facts, publish
from actors.runtime import Fence
from storage.postgres import Database
from tests.storage.test_facts import DIARY, READER, Counted, by_name, note

async def halt():
    print("here", flush=True)
    await asyncio.Event().wait()

async def note_and_halt(tx, fact):
    await note(tx, fact)
    await halt()

async def main(url, moment, epoch):
    db = await Database.connect(url)
    async with db.transaction() as tx:
        await publish(tx, Counted(number=1))
    fence = Fence(shard=7, epoch=int(epoch))
    if moment == "handling":
        await Facts(db=db).advance(READER, by_name([Consumer(Counted, note_and_halt)]), fence=fence)
    if moment == "handled":
        await Facts(db=db).advance(READER, DIARY, fence=fence)
    await halt()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("moment", ["committed", "handling", "handled"])
async def test_a_process_killed_between_commit_and_handler_loses_and_repeats_nothing(
    db: Database, database_url: str, facts: Facts, fence: Fence, moment: str
) -> None:
    arguments = ("-c", KILLED, database_url, moment, str(fence.epoch))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"here\n"
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    taken = await Leases(db=db).take([7], "n2")
    await read_all(facts, Fence(shard=7, epoch=taken[7]))
    assert await noted(db) == [1]
