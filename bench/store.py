"""How fast chat becomes durable: the log's group commit against a bare `unnest` insert of as many rows, in one run.

The bare insert has no index, no key, no fence, no offsets and no answers: it is what the engine can do at all with
synchronous commit. Both write to an embedded Postgres in a fresh folder, 500 rows a statement, over one connection.
Messages of conversations, which are facts as well, are written in the same run.
The second question is the time from `submit` to durable at a steady rate, as a room full of people sends.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from actors.chat_log import ChatEntry
from bench import report
from bench.report import Figure, figure
from storage.chat import PostgresChatLog
from storage.embedded.postgres import EmbeddedPostgres
from storage.ids import Ids
from storage.leases import Leases
from storage.migrate import migrate
from storage.postgres import Database
from storage.rooms import insert_room

ROOMS: Final = 20
PEOPLE: Final = 200
STATEMENT_ROWS: Final = 500
SHARD: Final = 1
TEXT: Final = "nobody expected that, not even the person who said it first " * 2
BAR_ROWS_S: Final = 40_000
BAR_P99_MS: Final = 50.0

_BARE_TABLE: Final = "create table bare as select * from chat_messages limit 0"
_BARE: Final = """
insert into bare (room_id, "offset", id, user_id, client_id, text, reply_to, sent_at, media_time_ms)
select * from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[],
                     $8::timestamptz[], $9::bigint[])
"""


class Store:
    """A database with people and rooms, and entries for them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.log = PostgresChatLog(db=db, max_waiting=1_000_000)
        self._ids = Ids()
        self._people = [self._id() for _ in range(PEOPLE)]
        self._rooms = [self._id() for _ in range(ROOMS)]
        self._private = [self._id() for _ in range(ROOMS)]
        self._epoch = 0
        self._made = 0

    def _id(self) -> str:
        return self._ids.uuid7(time.time())

    async def fill(self) -> None:
        for at, person in enumerate(self._people):
            await self.db.execute(
                "insert into users (id, username, username_key, email, email_key, password_hash, display_name,"
                " stream_key) values ($1, $2, $2, $2, $2, '', $2, $2)",
                person,
                f"person{at}",
            )
        for room in self._rooms:
            await self.db.execute(
                "insert into chat_rooms (id, owner_id, log_epoch) values ($1, $2, '')", room, self._people[0]
            )
        for room in self._private:
            await insert_room(self.db, room_id=room, owner_id=None, log_epoch="", stream_id=None)
        await self.db.execute(_BARE_TABLE)
        self._epoch = (await Leases(db=self.db).take_all("bench"))[SHARD]

    def entry(self, *, is_private: bool = False) -> ChatEntry:
        self._made += 1
        return ChatEntry(
            room_id=(self._private if is_private else self._rooms)[self._made % ROOMS],
            shard=SHARD,
            epoch=self._epoch,
            id=self._id(),
            user_id=self._people[self._made % PEOPLE],
            client_id=f"client-{self._made}",
            text=TEXT,
            sent_at=dt.datetime.now(dt.UTC),
            media_time_ms=self._made,
        )

    async def ours(self, count: int, *, is_private: bool = False) -> float:
        """Rows a second through the log."""
        entries = [self.entry(is_private=is_private) for _ in range(count)]
        began = time.perf_counter()
        await asyncio.gather(*[self.log.submit(entry) for entry in entries])
        return count / (time.perf_counter() - began)

    async def bare(self, count: int) -> float:
        """Rows a second of the bare insert."""
        entries = [self.entry() for _ in range(count)]
        began = time.perf_counter()
        for at in range(0, count, STATEMENT_ROWS):
            rows = entries[at : at + STATEMENT_ROWS]
            await self.db.execute(
                _BARE,
                [row.room_id for row in rows],
                list(range(at, at + len(rows))),
                [row.id for row in rows],
                [row.user_id for row in rows],
                [row.client_id for row in rows],
                [row.text for row in rows],
                [row.reply_to for row in rows],
                [row.sent_at for row in rows],
                [row.media_time_ms for row in rows],
            )
        return count / (time.perf_counter() - began)

    async def latencies(self, rate: int, seconds: float) -> list[float]:
        """Milliseconds from submit to durable, open loop at ``rate`` a second in ticks of 5 ms."""
        took: list[float] = []
        waiting: list[asyncio.Task[None]] = []
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < seconds:
            for _ in range(int((now - began) * rate) - len(waiting)):
                waiting.append(asyncio.ensure_future(self._timed(took)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*waiting)
        return sorted(took)

    async def _timed(self, took: list[float]) -> None:
        began = time.perf_counter()
        await self.log.append(self.entry())
        took.append((time.perf_counter() - began) * 1000)


async def _measure(url: str, rounds: int, rows: int, rate: int) -> list[Figure]:
    await migrate(url)
    db = await Database.connect(url, deadline_s=60)
    store = Store(db)
    await store.fill()
    await store.ours(rows)
    await store.bare(rows)
    await store.ours(rows, is_private=True)
    pairs = [(await store.ours(rows), await store.bare(rows)) for _ in range(rounds)]
    talks = [(await store.ours(rows, is_private=True), await store.ours(rows)) for _ in range(rounds)]
    took = await store.latencies(rate, 5)
    await store.log.close()
    await db.close()
    return [_rows(pairs), _talks(talks), *_acks(took, rate)]


def _rows(pairs: list[tuple[float, float]]) -> Figure:
    ours, bare = [a for a, _ in pairs], [b for _, b in pairs]
    name, peer = "durable chat", "a bare insert"
    return figure("store", name, ours, "rows/s", better="higher", bar=BAR_ROWS_S, peer=peer, against=bare)


def _talks(pairs: list[tuple[float, float]]) -> Figure:
    ours, streams = [a for a, _ in pairs], [b for _, b in pairs]
    peer = "chat of streams"
    return figure("store", "durable conversations", ours, "rows/s", better="higher", peer=peer, against=streams)


def _acks(took: list[float], rate: int) -> list[Figure]:
    name, p99 = f"durable at {rate:,}/s", took[len(took) * 99 // 100]
    return [
        figure("store", f"{name}, p50", [took[len(took) // 2]], "ms", better="lower"),
        figure("store", f"{name}, p99", [p99], "ms", better="lower", bar=BAR_P99_MS),
        figure("store", f"{name}, worst", [took[-1]], "ms", better="lower"),
    ]


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the alternative, the bar."""
    parser = argparse.ArgumentParser(prog="bench store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds")
    parser.add_argument("--rows", type=int, default=10_000, help="rows a round")
    parser.add_argument("--rate", type=int, default=5_000, help="messages a second in the second question")
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        url = engine.start()
        try:
            figures = uvloop.run(_measure(url, options.rounds, options.rows, options.rate))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
