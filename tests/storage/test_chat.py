"""The chat log under what only a real database does: kills, take-overs, two writers, a table that grows."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.chat_log import Appended, ChatEntry
from actors.chat_rules import LONG_FOLLOWING
from storage.chat import LogFull, PostgresChatLog
from storage.chat_append import APPEND
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import BadValue, Fenced, Unavailable
from storage.ids import Ids
from storage.leases import Leases
from storage.migrate import migrate
from storage.plans import PLANNED_ONCE
from storage.postgres import Database
from tests.storage.engine_kill import kill

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SHARD = 3


class Rows:
    """A person and a room in a database, and entries for it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._ids = Ids()
        self.user, self.room = self.id(), self.id()
        self.epoch = 0

    def id(self) -> str:
        return self._ids.uuid7(time.time())

    async def fill(self) -> Rows:
        await self.db.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " values ($1, 'ann', 'ann', 'ann', 'ann', '', 'Ann', 'key')",
            self.user,
        )
        await self.db.execute(
            "insert into chat_rooms (id, owner_id, log_epoch) values ($1, $2, 'e')", self.room, self.user
        )
        self.epoch = (await Leases(db=self.db).take_all("n1"))[SHARD]
        return self

    def entry(self, client_id: str, **fields: Any) -> ChatEntry:
        given = {"room_id": self.room, "user_id": self.user, "epoch": self.epoch, "text": client_id, **fields}
        return ChatEntry(id=self.id(), shard=SHARD, client_id=client_id, sent_at=AT, **given)

    async def offsets(self) -> dict[str, tuple[str, int]]:
        """What is stored: client_id → id and offset, in order."""
        sql = 'select client_id, id, "offset" from chat_messages where room_id = $1 order by "offset"'
        return {row["client_id"]: (row["id"], row["offset"]) for row in await self.db.fetch(sql, self.room)}

    async def assert_gapless(self) -> None:
        stored = [offset for _, offset in (await self.offsets()).values()]
        assert stored == list(range(1, len(stored) + 1))
        last = await self.db.fetchval("select last_offset from chat_rooms where id = $1", self.room)
        assert last == len(stored)


@pytest.fixture
async def rows(db: Database) -> Rows:
    return await Rows(db).fill()


@pytest.fixture
async def own_engine() -> AsyncIterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        yield engine
        engine.stop()


async def answering(db: Database) -> None:
    """Wait until the pool has noticed that the server is back."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(Unavailable):
                return await db.ping()


async def write_until_lost(
    log: PostgresChatLog, rows: Rows, name: str, acknowledged: dict[str, Appended], enough: asyncio.Event
) -> None:
    """Append one entry after another until the log says that the database is away."""
    for n in range(1_000_000):
        client_id = f"{name}-{n}"
        acknowledged[client_id] = await log.append(rows.entry(client_id))
        if len(acknowledged) > 400:
            enough.set()


async def test_every_acknowledged_message_survives_a_kill_and_none_is_doubled_by_a_retry(
    own_engine: EmbeddedPostgres,
) -> None:
    url = own_engine.start()
    await migrate(url)
    rows = await Rows(await Database.connect(url)).fill()
    log, acknowledged, enough = PostgresChatLog(db=rows.db), dict[str, Appended](), asyncio.Event()
    writers = [asyncio.create_task(write_until_lost(log, rows, f"w{n}", acknowledged, enough)) for n in range(40)]
    await asyncio.wait_for(enough.wait(), 30)
    await kill(own_engine)
    lost = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in lost)
    await asyncio.to_thread(own_engine.start)
    await answering(rows.db)
    stored = await rows.offsets()
    assert {key: stored.get(key) for key in acknowledged} == {k: (a.id, a.offset) for k, a in acknowledged.items()}
    await rows.assert_gapless()
    tried = [f"w{n}-{sum(key.startswith(f'w{n}-') for key in acknowledged)}" for n in range(40)]
    again = await asyncio.gather(*[log.append(rows.entry(key)) for key in tried])
    assert [outcome.is_duplicate for outcome in again] == [key in stored for key in tried]
    await rows.assert_gapless()
    await log.close()
    await rows.db.close()


async def test_while_the_database_is_away_appends_fail_and_go_on_when_it_is_back(own_engine: EmbeddedPostgres) -> None:
    url = own_engine.start()
    await migrate(url)
    rows = await Rows(await Database.connect(url)).fill()
    log = PostgresChatLog(db=rows.db)
    await asyncio.to_thread(own_engine.stop)
    with pytest.raises(Unavailable):
        await log.append(rows.entry("a"))
    await asyncio.to_thread(own_engine.start)
    await answering(rows.db)
    assert (await log.append(rows.entry("a"))).offset == 1
    await log.close()
    await rows.db.close()


async def test_two_writers_of_one_room_leave_no_gap_and_double_nothing(rows: Rows) -> None:
    logs = [PostgresChatLog(db=rows.db, max_rows=7), PostgresChatLog(db=rows.db, max_rows=11)]
    keys = [f"c{n % 150}" for n in range(300)]
    outcomes = await asyncio.gather(*[logs[n % 2].append(rows.entry(key)) for n, key in enumerate(keys)])
    stored = await rows.offsets()
    assert len(stored) == 150
    assert [(outcome.id, outcome.offset) for outcome in outcomes] == [stored[key] for key in keys]
    await rows.assert_gapless()


async def test_a_take_over_waits_for_the_commit_under_way_and_refuses_all_later_ones(rows: Rows) -> None:
    log, leases = PostgresChatLog(db=rows.db, max_rows=5), Leases(db=rows.db)
    outcomes = [log.submit(rows.entry(f"c{n}")) for n in range(200)]
    await outcomes[20]
    taken = (await leases.take([SHARD], "n2"))[SHARD]
    at_take_over = len(await rows.offsets())
    done = await asyncio.gather(*outcomes, return_exceptions=True)
    accepted = [outcome for outcome in done if isinstance(outcome, Appended)]
    assert all(isinstance(outcome, Appended | Fenced) for outcome in done)
    assert len(accepted) == at_take_over == len(await rows.offsets())
    assert (await log.append(rows.entry("next", epoch=taken))).offset == at_take_over + 1


async def test_take_overs_of_all_shards_at_once_do_not_deadlock(db: Database) -> None:
    taken = await asyncio.gather(*[Leases(db=db).take_all(f"n{n}") for n in range(6)])
    assert sorted(epochs[0] for epochs in taken) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "fields", [{"text": "a\0b"}, {"room_id": "nonsense"}, {"media_time_ms": 2**70}, {"text": None}]
)
async def test_an_entry_that_postgres_cannot_hold_is_refused_alone(rows: Rows, fields: dict[str, Any]) -> None:
    log = PostgresChatLog(db=rows.db)
    entries = [rows.entry(f"c{n}", **(fields if n == 3 else {})) for n in range(9)]
    outcomes = await asyncio.gather(*[log.append(entry) for entry in entries], return_exceptions=True)
    assert isinstance(outcomes.pop(3), BadValue | Exception)
    assert [outcome.offset for outcome in outcomes if isinstance(outcome, Appended)] == list(range(1, 9))
    await rows.assert_gapless()


async def test_a_full_queue_refuses_with_a_time_to_come_again(rows: Rows) -> None:
    log = PostgresChatLog(db=rows.db, max_waiting=3)
    outcomes = [log.submit(rows.entry(f"c{n}")) for n in range(3)]
    with pytest.raises(LogFull) as caught:
        log.submit(rows.entry("c3"))
    assert caught.value.retry_after_s
    assert [outcome.offset for outcome in await asyncio.gather(*outcomes)] == [1, 2, 3]
    assert (await log.append(rows.entry("c3"))).offset == 4


async def test_what_is_said_right_after_a_commit_waits_a_moment_for_company(rows: Rows) -> None:
    log = PostgresChatLog(db=rows.db)
    for attempt in range(20):
        await log.append(rows.entry(f"first-{attempt}"))
        pair = [log.submit(rows.entry(f"second-{attempt}"))]
        for _ in range(5):
            await asyncio.sleep(0)  # long enough for a commit to begin, if one would
        pair.append(log.submit(rows.entry(f"third-{attempt}")))
        ids = [appended.id for appended in await asyncio.gather(*pair)]
        commits = await rows.db.fetch("select distinct xmin::text from chat_messages where id = any($1::uuid[])", ids)
        if len(commits) == 1:
            break
    else:
        pytest.fail("each was committed by itself")
    await log.close()


async def test_the_plan_that_appends_keep_reads_no_table_from_end_to_end_though_it_was_made_when_all_were_empty(
    db: Database,
) -> None:
    document = "(select current_setting('no.document'))::json"
    async with db.transaction() as tx:
        for name, value in PLANNED_ONCE.items():
            await tx.execute(f"set local {name} = {value}")
        plan = [row[0] for row in await tx.fetch("explain (generic_plan) " + APPEND.replace("$1::json", document))]
    read = [line for line in plan if " on users" in line or " on chat_" in line or " on shards" in line]
    assert read
    assert not [line for line in read if "Seq Scan" in line]
    assert sum("Index Cond:" in line for line in plan) >= 6


async def test_an_append_whose_caller_left_is_written_all_the_same(rows: Rows) -> None:
    log = PostgresChatLog(db=rows.db)
    left = asyncio.create_task(log.append(rows.entry("a")))
    await asyncio.sleep(0)
    left.cancel()
    assert (await log.append(rows.entry("b"))).offset == 2
    assert list(await rows.offsets()) == ["a", "b"]


async def test_close_waits_until_every_entry_has_its_outcome(rows: Rows) -> None:
    log = PostgresChatLog(db=rows.db, max_rows=10)
    outcomes = [log.submit(rows.entry(f"c{n}")) for n in range(100)]
    await log.close()
    assert [outcome.result().offset for outcome in outcomes] == list(range(1, 101))


async def test_a_message_of_a_room_that_is_deleted_goes_with_it(rows: Rows) -> None:
    await PostgresChatLog(db=rows.db).append(rows.entry("a"))
    await rows.db.execute("delete from chat_rooms where id = $1", rows.room)
    assert await rows.offsets() == {}


async def test_who_followed_the_owner_long_enough_when_they_wrote_wears_it_in_what_is_read(rows: Rows) -> None:
    fan = rows.id()
    await rows.db.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, 'fan', 'fan', 'fan', 'fan', '', 'Fan', 'fan')",
        fan,
    )
    since = AT - LONG_FOLLOWING
    await rows.db.execute("insert into follows values ($1, $2, $3)", fan, rows.user, since)
    log = PostgresChatLog(db=rows.db)
    for client_id, sent_at in (("early", AT - dt.timedelta(seconds=1)), ("late", AT)):
        entry = msgspec.structs.replace(rows.entry(client_id, user_id=fan), sent_at=sent_at)
        await log.append(entry)
    assert [found.user.badges for found in await log.last(rows.room, 2)] == [(), ("follower",)]
    await log.close()


async def test_who_has_paid_months_and_who_administers_wear_it_in_what_is_read(rows: Rows) -> None:
    fan, tier = rows.id(), rows.id()
    await rows.db.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key,"
        " roles) values ($1, 'fan', 'fan', 'fan', 'fan', '', 'Fan', 'fan', '{admin}')",
        fan,
    )
    await rows.db.execute(
        "insert into tiers (id, owner_id, name, description, amount, currency, place)"
        " values ($1, $2, 'T', '', 499, 'USD', 0)",
        tier, rows.user,
    )  # fmt: skip
    await rows.db.execute(
        "insert into subscriptions (id, owner_id, person_id, payer_id, tier_id, amount, currency, is_test, state,"
        " months, created_at, paid_until)"
        " values ($1, $2, $3, $3, $4, 499, 'USD', true, 'active', 7, now(), now() + interval '1 day')",
        rows.id(), rows.user, fan, tier,
    )  # fmt: skip
    log = PostgresChatLog(db=rows.db)
    await log.append(rows.entry("a", user_id=fan))
    assert [found.user.badges for found in await log.last(rows.room, 1)] == [("admin", "subscriber", "subscriber_6")]
    await rows.db.execute("update subscriptions set paid_until = now() - interval '9 days'")
    assert [found.user.badges for found in await log.last(rows.room, 1)] == [("admin",)]
    await rows.db.execute("update chat_rooms set is_private = true")
    assert [found.user.badges for found in await log.last(rows.room, 1)] == [()]
    await log.close()


async def test_readers_without_end_leave_connections_to_the_others(rows: Rows) -> None:
    log = PostgresChatLog(db=rows.db, max_reads=1)
    async with rows.db.transaction() as writing:
        await writing.execute("lock table chat_messages in access exclusive mode")
        pages = [asyncio.create_task(log.history(rows.room)) for _ in range(100)]
        await asyncio.sleep(0)
        await rows.db.ping(timeout_s=2)
    assert await asyncio.gather(*pages) == [[]] * 100
