"""Durable facts: written in the transaction of the change that they record, read once by each reader.

A reader handles facts in the transaction that moves its position, so what a handler writes is written once, whatever
dies. Facts are ordered by ``(xid, id)`` and read only below the oldest transaction that is still running
(``pg_snapshot_xmin``): a later fact below that horizon cannot appear, while ids alone commit out of order.
A transaction that runs for long, in any database of the server, holds all readers back until it ends.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from actors.runtime import Fence
from storage.leases import check_held, held_epoch, hold
from storage.plans import PlannedOnce
from storage.postgres import Database, Row, Transaction

CHANNEL: Final = "facts"
MAX_FAILURES: Final = 10
BATCH: Final = 100
BATCH_S: Final = 1.0
"""After this long a batch is committed, however many facts are left of it."""
HANDLER_S: Final = 4.0
TRANSACTION_S: Final = 10.0
HELD_BACK_S: Final = 0.03
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
MAX_ERROR_CHARS: Final = 500
MAX_COUNTED: Final = 10_000
AWAY_DAYS: Final = 30
"""A reader that no node has run for so long does not keep facts from being pruned."""
PRUNE_BATCH: Final = 1000


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened, in the past tense. A subclass names itself for good with ``tag``, as ``stream.started``.

    A reader passes over fields that it does not know; a new field has a default. No field goes or changes its type.
    """


F = TypeVar("F", bound=Fact)


class Executes(Protocol):
    """A transaction, as far as a publisher needs one."""

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


async def publish(tx: Executes, *facts: Fact) -> None:
    """Write facts in the transaction of the change, in this order. Readers get them after its commit, or never."""
    if facts:
        await tx.execute(_PUBLISH, [name_of(type(fact)) for fact in facts], [msgspec.to_builtins(f) for f in facts])


def name_of(kind: type[Fact]) -> str:
    """The stable name of a type of facts."""
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{kind.__name__} is a fact without a name: give it a tag")
    return tag


@dataclass(frozen=True)
class Consumer(Generic[F]):
    """``handle`` gets each fact of ``kind``, with the transaction that moves the reader's position.

    It writes through that transaction alone and enqueues what else is to be done as a job. Whatever it raises is a
    failure of the fact and undoes what it wrote; it has ``HANDLER_S`` seconds.
    """

    kind: type[F]
    handle: Callable[[Transaction, F], Awaitable[None]]


Consumers = Mapping[str, Sequence[Consumer[Any]]]
"""By the stable name of the facts; those of one name run one after the other."""


def by_name(consumers: Iterable[Consumer[Any]]) -> Consumers:
    found: dict[str, list[Consumer[Any]]] = {}
    for consumer in consumers:
        found.setdefault(name_of(consumer.kind), []).append(consumer)
    return found


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one step. ``again_after_s``: when the next one is due; None when there is nothing to read.

    ``error``: why the fact at the position failed; ``aside``: it failed for the last time and was put aside.
    """

    again_after_s: float | None = None
    read: int = 0
    error: str = ""
    aside: str = ""


class ReaderState(msgspec.Struct, frozen=True, kw_only=True):
    """For the operator. ``behind`` counts up to ``MAX_COUNTED``; ``waiting_since`` is the time of the next fact."""

    name: str
    behind: int
    waiting_since: dt.datetime | None
    failures: int
    error: str
    aside: int


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that failed ``MAX_FAILURES`` times with one reader."""

    id: int
    reader: str
    name: str
    body: dict[str, Any]
    at: dt.datetime
    error: str
    aside_at: dt.datetime


def pause_s(failures: int) -> float:
    """How long a reader rests after so many failures of the same fact."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** (failures - 1)))


class ConsumerFailed(Exception):
    """A consumer did not handle a fact: the one at ``place`` of its batch."""

    def __init__(self, place: int, fact_id: int, error: BaseException) -> None:
        super().__init__(place, fact_id, error)
        self.place = place
        self.fact_id = fact_id
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        self.said = said.replace("\0", "")[:MAX_ERROR_CHARS]


async def consume(tx: Any, consumers: Sequence[Consumer[Any]], body: object) -> None:
    """Have each of the consumers handle a fact as it was stored. Raises what they raise, ``TimeoutError``, and
    ``ValidationError`` for a body that lacks a field or holds another type.
    """
    for consumer in consumers:
        async with asyncio.timeout(HANDLER_S):
            await consumer.handle(tx, msgspec.convert(body, consumer.kind))


class Facts:
    """The readers' side. ``limit``: facts in one transaction."""

    def __init__(self, *, db: Database, limit: int = BATCH) -> None:
        self._db = db
        self._limit = limit
        self._held_back: set[str] = set()
        """Readers that wait for a transaction: they ask whether it has ended before they begin one of their own."""

    async def open(self, reader: str) -> None:
        """Note that the reader exists; a new one begins with the oldest fact that is kept. Idempotent."""
        await self._db.execute(_OPEN, reader)

    async def advance(self, reader: str, consumers: Consumers, *, fence: Fence) -> Advance:
        """Have the next facts handled, in order, and move the position of an open reader past them, in one transaction.

        Facts without a consumer are passed over, however many. When a consumer fails, the facts before are read in a
        transaction of their own, and then the failure is counted. Raises ``Fenced`` when the reader's shard has another
        owner by now, and ``Unavailable``; neither is a failure.
        """
        if reader in self._held_back:
            is_ready: bool | None = await self._db.fetchval(_PEEK, reader)
            if is_ready is False:
                return Advance(again_after_s=HELD_BACK_S)
            self._held_back.discard(reader)
        step = await self._handled(reader, consumers, fence)
        if step.again_after_s == HELD_BACK_S:
            self._held_back.add(reader)
        return step

    async def _handled(self, reader: str, consumers: Consumers, fence: Fence) -> Advance:
        limit = self._limit
        while True:
            try:
                return await self._read(reader, consumers, fence, limit)
            except ConsumerFailed as failed:
                if failed.place == 0:
                    return await self._fail(reader, failed, consumers, fence)
                limit = failed.place

    async def _read(self, reader: str, consumers: Consumers, fence: Fence, limit: int) -> Advance:
        rows: list[Row] = []
        place = 0
        again_after_s: float | None = 0.0
        try:
            async with self._db.transaction(timeout_s=TRANSACTION_S) as tx:
                found = await tx.fetch(_NEXT, reader, list(consumers), limit, fence.shard)
                check_held(found[0]["epoch"] if found else None, fence)
                rows = [row for row in found if row["id"] is not None]
                ends_at = time.monotonic() + BATCH_S
                for place, row in enumerate(rows):  # noqa: B007 - it is where the batch has come to
                    await consume(tx, consumers[row["name"]], row["body"])
                    if time.monotonic() > ends_at:
                        break
                is_through = len(rows) < limit and place + 1 >= len(rows)
                if is_through:  # what is committed from now on is told of by another notification
                    again_after_s = HELD_BACK_S if found[0]["is_more_held_back"] else None
                last_id = found[0]["last_id"] if is_through else rows[place]["id"]
                if last_id is not None:
                    await tx.execute(_MOVE, reader, last_id)
        except Exception as error:
            # A consumer can spoil the transaction without a word: then the move, or the commit, is what fails.
            if not rows:
                raise
            raise ConsumerFailed(place, rows[place]["id"], error) from error
        return Advance(again_after_s=again_after_s, read=place + 1 if rows else 0)

    async def _fail(self, reader: str, failed: ConsumerFailed, consumers: Consumers, fence: Fence) -> Advance:
        """Count a failure of the next fact that the reader has a consumer for; the last one puts it aside."""
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            row = await tx.fetchrow(_FAIL, reader, failed.said, failed.fact_id, list(consumers))
            if row is None:  # the commit was carried out after all
                return Advance(again_after_s=0.0)
            if row["failures"] < MAX_FAILURES:
                return Advance(again_after_s=pause_s(row["failures"]), error=failed.said)
            await tx.execute(_PUT_ASIDE, reader, failed.fact_id, failed.said)
            await tx.execute(_MOVE, reader, failed.fact_id)
            return Advance(again_after_s=0.0, error=failed.said, aside=row["name"])

    async def waiting(self, readers: Mapping[str, Consumers], *, at_least: int) -> list[str]:
        """Those of ``readers`` that were never opened, or that facts wait for: one with a consumer among the next
        ``BATCH``, or ``at_least`` (1 to ``BATCH``) of any kind.
        """
        names = [",".join(consumers) for consumers in readers.values()]
        return [row["name"] for row in await self._db.fetch(_WAITING, list(readers), names, BATCH, at_least)]

    async def readers(self) -> list[ReaderState]:
        """All that were ever open and have a position, in order of their names."""
        return [ReaderState(**dict(row)) for row in await self._db.fetch(_READERS, MAX_COUNTED)]

    async def aside(self, *, reader: str | None = None, before: int | None = None, limit: int = 100) -> list[Aside]:
        """Facts that were put aside, the newest first."""
        return [Aside(**dict(row)) for row in await self._db.fetch(_ASIDE, reader, before, limit)]

    async def retry(self, aside_id: int) -> bool:
        """Give a fact that was put aside to its reader again, after those that wait; False when there is none."""
        return bool(await self._db.fetchval(_RETRY, aside_id))

    async def prune(self, readers: Sequence[str]) -> int:
        """Delete the facts that every reader has passed; how many. ``readers`` are those that this node runs.

        While there is no reader at all, facts are kept for ``AWAY_DAYS``.
        """
        await self._db.execute(_SEEN, list(readers))
        deleted = 0
        for sql in (_PRUNE, _PRUNE_UNREAD):
            while count := await self._db.execute(sql, AWAY_DAYS, PRUNE_BATCH):
                deleted += count
        return deleted

    async def adopt(self) -> None:
        """Make facts and positions that were restored from another server's dump older than all that come, in the
        order that they had: transaction ids begin anew there. Before anything is published. Idempotent.
        """
        async with self._db.transaction(timeout_s=60) as tx:
            if await tx.fetchval(_IS_FOREIGN):
                for sql in ADOPT:
                    await tx.execute(sql)


# A notification with each publication says the names of its facts: equal ones of one transaction are sent once, after
# its commit.
_PUBLISH: Final = f"""
with written as (insert into facts (name, body) select * from unnest($1::text[], $2::jsonb[]))
select pg_notify('{CHANNEL}', array_to_string(array(select distinct unnest($1::text[])), ','))
"""
_OPEN: Final = """
insert into fact_readers (name) values ($1) on conflict (name) do update set seen_at = now()
"""
_HORIZON: Final = "pg_snapshot_xmin(pg_current_snapshot())"
_PEEK: Final = PlannedOnce(f"""
select f.xid < {_HORIZON} from fact_readers r
cross join lateral (select xid from facts where (xid, id) > (r.xid, r.id) order by xid, id limit 1) f
where r.name = $1
""")
# The epoch of the reader's shard is held, and then the reader's row locked, until its transaction ends: of two that
# would read at once, one waits and finds the position moved. All rows say which fact is the last one that may be
# passed, if any, and whether more follow; the next ones with a consumer, if any, are read beside it.
_NEXT: Final = f"""
with held as materialized ({held_epoch("$4")}),
reader as materialized (select xid, id from fact_readers where name = $1 for update)
select held.epoch, f.id, f.name, f.body, last.id as last_id,
    exists (select from facts where (xid, id) > (coalesce(last.xid, r.xid), coalesce(last.id, r.id)))
        as is_more_held_back
from held left join reader r on true left join lateral (
    select xid, id from facts where (xid, id) > (r.xid, r.id) and xid < {_HORIZON} order by xid desc, id desc limit 1
) last on true left join lateral (
    select * from facts
    where (xid, id) > (r.xid, r.id) and xid < {_HORIZON} and name = any($2::text[]) and (reader is null or reader = $1)
    order by xid, id limit $3
) f on true
order by f.xid, f.id
"""
_MOVE: Final = """
update fact_readers r set xid = f.xid, id = f.id, failures = 0, error = '' from facts f
where r.name = $1 and f.id = $2
"""
_FAIL: Final = """
with next as (
    select f.id, f.name from fact_readers r
    cross join lateral (
        select id, name from facts
        where (xid, id) > (r.xid, r.id) and name = any($4::text[]) and (reader is null or reader = $1)
        order by xid, id limit 1
    ) f
    where r.name = $1)
update fact_readers r set failures = failures + 1, error = $2 from next n
where r.name = $1 and n.id = $3 returning r.failures, n.name
"""
_WAITING: Final = PlannedOnce("""
select asked.name from unnest($1::text[], $2::text[]) as asked (name, consumed)
left join fact_readers r on r.name = asked.name
cross join lateral (
    select count(*) as count, bool_or(name = any(string_to_array(asked.consumed, ','))) as has_consumed
    from (select name from facts where (xid, id) > (r.xid, r.id) order by xid, id limit $3) next
) waiting
where r.name is null or waiting.has_consumed or waiting.count >= $4
""")
_PUT_ASIDE: Final = """
insert into facts_aside (reader, name, body, at, error) select $1, name, body, at, $3 from facts where id = $2
"""
_READERS: Final = """
select r.name, r.failures, r.error, counted.behind, counted.waiting_since,
    (select count(*) from facts_aside a where a.reader = r.name) as aside
from fact_readers r cross join lateral (
    select count(*) as behind, min(at) as waiting_since from (
        select at from facts where (xid, id) > (r.xid, r.id) order by xid, id limit $1
    ) waiting
) counted
order by r.name
"""
_ASIDE: Final = """
select id, reader, name, body, at, error, aside_at from facts_aside
where ($1::text is null or reader = $1) and ($2::bigint is null or id < $2) order by id desc limit $3
"""
_RETRY: Final = f"""
with taken as (delete from facts_aside where id = $1 returning reader, name, body, at),
written as (insert into facts (reader, name, body, at) select reader, name, body, at from taken returning name)
select pg_notify('{CHANNEL}', name) is not null from written
"""
_SEEN: Final = "update fact_readers set seen_at = now() where name = any($1::text[])"
_PRUNE: Final = """
delete from facts where id in (
    select f.id from facts f, (
        select xid, id from fact_readers where seen_at > now() - make_interval(days => $1) order by xid, id limit 1
    ) slowest
    where (f.xid, f.id) <= (slowest.xid, slowest.id) order by f.xid, f.id limit $2)
"""
_PRUNE_UNREAD: Final = """
delete from facts where id in (
    select id from facts where at < now() - make_interval(days => $1)
    and not exists (select from fact_readers where seen_at > now() - make_interval(days => $1))
    order by xid, id limit $2)
"""
# No transaction that can be seen here has an id from the snapshot's upper end on, unless it was another server's.
_IS_FOREIGN: Final = """
select exists (select from facts where xid >= pg_snapshot_xmax(pg_current_snapshot()))
    or exists (select from fact_readers where xid >= pg_snapshot_xmax(pg_current_snapshot()))
"""
# The last fact becomes (0, -1), the one before it (0, -2): still in order, and before all that this server will write.
# In two steps, since ids of an earlier adoption are in the way.
ADOPT: Final = (
    "lock table facts, fact_readers in access exclusive mode",
    """
    update fact_readers r set xid = '0', id = -1 - (select count(*) from facts f where (f.xid, f.id) > (r.xid, r.id))
    """,
    f"""
    update facts f set xid = '0', id = -n.place - {2**62}
    from (select id, row_number() over (order by xid desc, id desc) as place from facts) n where n.id = f.id
    """,
    f"update facts set id = id + {2**62}",
)
