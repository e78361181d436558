"""`python -m bench feed`: how fast feeds are read and posts written at size, against chronological SQL, and how soon a
post reaches the connected followers of a large account.

The real server with a database that is filled as `socialflow seed` does it: 100,000 people, 1,000,000 posts, 5,000,000
follows by default (`--folder` takes a data folder that has been filled before). The server has one core; the clients
and the engines are on another one, as far as there is one. Reads are those of people at random, each on a connection.
Then the same pages are found in this process, without the server: from timelines, and by the plain statement that a
chronological feed is. At last the account with the most followers posts, while other accounts post as well.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.app import App
from bench.clients import allow_many_files, percentile, pin
from bench.report import Figure, figure
from bench.socket_client import SocketClient
from server.features.social.feed.home import HomeFeed
from server.http.identity import Caller, Identity
from server.seed.population import Population, Sizes
from storage.copying import copy_all
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
from storage.ids import Ids
from storage.migrate import migrate
from storage.postgres import Database
from storage.redis import Redis
from storage.timelines import Timelines

QUESTION: Final = "feed"
BAR_P99_MS: Final = 50.0
BAR_READS_S: Final = 400.0
BAR_REACH_S: Final = 2.0
POSTS_S: Final = 20.0
"""As many as 100,000 people write of whom each writes 17 posts a day."""
PAGE: Final = 20
_ROLES: Final = frozenset({"viewer"})
_WAIT_S: Final = 60.0
_FLAGS: Final = ("--max-posts-per-hour=100000",)

PLAIN: Final = """
select p.id, p.published_at from posts p
where p.state = 'published' and p.reply_to is null and p.visibility in ('public', 'followers')
    and (p.author_id = $1 or p.author_id in (select followee_id from follows where follower_id = $1))
order by p.published_at desc, p.id desc limit $2
"""
# The server would fill the index of search meanwhile, which `bench search` is for.
NOTHING_TO_INDEX: Final = """
insert into search_filling (kind, after_id, is_done)
select kind, 'ffffffff-ffff-ffff-ffff-ffffffffffff', true
from unnest(array['person', 'stream', 'recording', 'clip', 'post', 'community']) kind
on conflict (kind) do update set is_done = true
"""
SOME_PEOPLE: Final = "select id from users where password_hash = '' order by md5(id::text || $1) limit $2"
LARGEST: Final = "select followee_id as id, count(*) as followers from follows group by 1 order by 2 desc limit 1"
SOME_FOLLOWERS: Final = "select follower_id as id from follows where followee_id = $1 limit $2"


class Connection:
    """One HTTP connection of a person."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> float:
        """ms until the whole answer was there. Raises ``RuntimeError`` for what is no success."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        started = time.perf_counter()
        writer.write(f"{method} /api/v1{path} HTTP/1.1\r\n{self._head}{typed}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        said = await reader.readexactly(length)
        if head[9:10] != b"2":
            raise RuntimeError(f"{method} {path}: {head[:40]!r} {said[:200]!r}")
        return (time.perf_counter() - started) * 1e3

    def close(self) -> None:
        """The next question opens it anew."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Listener(SocketClient):
    """Notes when the first word of new posts came."""

    heard_at: float | None = None

    def received(self, text: bytes) -> None:
        if b'"feed:new"' in text and self.heard_at is None:
            self.heard_at = time.perf_counter()


async def loaded(connections: Sequence[Connection], act: Callable[[Connection], Awaitable[float]], seconds: float,
                 at_once: int) -> list[float]:  # fmt: skip
    """The ms of each act; so many connections at a time act one after the other, as fast as they are answered."""
    ends_at, took = time.perf_counter() + seconds, list[float]()

    async def one(number: int) -> None:
        turn = number
        while time.perf_counter() < ends_at:
            took.append(await act(connections[turn % len(connections)]))
            turn += at_once

    await asyncio.gather(*(one(number) for number in range(at_once)))
    return took


async def steady(connections: Sequence[Connection], act: Callable[[Connection], Awaitable[float]], seconds: float,
                 per_s: float) -> list[float]:  # fmt: skip
    """The ms of each act from when it was due; they are due at even distances, whatever becomes of those before."""
    begun, took = time.perf_counter(), list[float]()

    async def one(number: int) -> None:
        due = begun + number / per_s
        await asyncio.sleep(due - time.perf_counter())
        late_ms = (time.perf_counter() - due) * 1000
        took.append(late_ms + await act(connections[number % len(connections)]))

    await asyncio.gather(*(one(number) for number in range(int(seconds * per_s))))
    return took


class FeedBench:
    def __init__(self, options: argparse.Namespace, *, url: str, db: Database, app: App) -> None:
        self._options = options
        self._url = url
        self._db = db
        self._app = app

    async def run(self) -> list[Figure]:
        rows = await self._db.fetch(SOME_PEOPLE, str(self._options.seed), self._options.readers, timeout_s=_WAIT_S)
        readers = [row["id"] for row in rows]
        tokens = await self._tokens(readers)
        connections = [Connection(self._app.port, token) for token in tokens]
        try:
            return [
                *await self._reads(connections),
                *await self._writes(connections[:50]),
                *await self._against_sql(readers),
                *await self._reach(connections[:20]),
            ]
        finally:
            for one in connections:
                one.close()

    async def _tokens(self, person_ids: Sequence[str]) -> list[str]:
        identity, ids = Identity(rows=self._db), Ids()
        await identity.start()
        try:
            return [
                identity.mint(Caller(id=one, username="seeded", display_name="", roles=_ROLES,
                                     session_id=ids.uuid7(time.time())))[0]
                for one in person_ids
            ]  # fmt: skip
        finally:
            await identity.close()

    async def _reads(self, connections: Sequence[Connection]) -> list[Figure]:
        async def read(one: Connection) -> float:
            return await one.ask("GET", f"/feed?limit={PAGE}")

        first = [await read(one) for one in connections]
        found: list[Figure] = [
            figure(QUESTION, "first read, p50: no timeline", [percentile(first, 0.5)], "ms", better="lower"),
            figure(QUESTION, "first read, p99: no timeline", [percentile(first, 0.99)], "ms", better="lower"),
        ]
        rates, p50, p99 = [], [], []
        for _ in range(self._options.rounds):
            before = self._app.cpu_s()
            took = await loaded(connections, read, self._options.seconds, 4)
            rates.append(len(took) / (self._app.cpu_s() - before))
            p50.append(percentile(took, 0.5))
            p99.append(percentile(took, 0.99))
        return [
            *found,
            figure(
                QUESTION, "GET /feed per second of the server's core", rates, "1/s", better="higher", bar=BAR_READS_S
            ),
            figure(QUESTION, "GET /feed, p50", p50, "ms", better="lower"),
            figure(QUESTION, "GET /feed, p99", p99, "ms", better="lower", bar=BAR_P99_MS),
        ]

    async def _writes(self, connections: Sequence[Connection]) -> list[Figure]:
        async def write(one: Connection) -> float:
            return await one.ask("POST", "/posts", b'{"text": "What a match! I have no voice left #football"}')

        first = [await write(one) for one in connections]
        took = await steady(connections, write, self._options.seconds, POSTS_S)
        full = await loaded(connections, write, self._options.seconds, 2)
        at_rate, at_most = f"POST /posts at {POSTS_S:.0f} a second", "POST /posts as fast as they are answered"
        return [
            figure(QUESTION, "first posts, p50: nothing prepared", [percentile(first, 0.5)], "ms", better="lower"),
            figure(QUESTION, "first posts, p99: nothing prepared", [percentile(first, 0.99)], "ms", better="lower"),
            figure(QUESTION, f"{at_rate}, p50", [percentile(took, 0.5)], "ms", better="lower"),
            figure(QUESTION, f"{at_rate}, p99", [percentile(took, 0.99)], "ms", better="lower", bar=BAR_P99_MS),
            figure(QUESTION, f"{at_most}, a second", [len(full) / self._options.seconds], "1/s", better="higher"),
            figure(QUESTION, f"{at_most}, p99", [percentile(full, 0.99)], "ms", better="lower"),
        ]

    async def _against_sql(self, readers: Sequence[str]) -> list[Figure]:
        """Which posts stand on the first page, found both ways in turns."""
        engine = EmbeddedRedis(data_dir=Path(tempfile.mkdtemp(prefix="socialflow-bench-redis-")))
        redis = await Redis.connect(await asyncio.to_thread(engine.start))
        timelines = Timelines(redis=redis, most=400, kept_s=600)
        home = HomeFeed(db=self._db, timelines=timelines, now=lambda: dt.datetime.now(dt.UTC))
        ours, plain = list[float](), list[float]()
        try:
            for reader in readers:
                await home.page(reader, None, PAGE)
            for reader in readers:
                started = time.perf_counter()
                await home.page(reader, None, PAGE)
                between = time.perf_counter()
                await self._db.fetch(PLAIN, reader, PAGE, timeout_s=_WAIT_S)
                ours.append((between - started) * 1e3)
                plain.append((time.perf_counter() - between) * 1e3)
        finally:
            await redis.close()
            await asyncio.to_thread(engine.stop)
        return [
            figure(QUESTION, f"a page's posts found, p{rank}", [percentile(ours, rank / 100)], "ms", better="lower",
                   peer="chronological SQL", against=[percentile(plain, rank / 100)])
            for rank in (50, 99)
        ]  # fmt: skip

    async def _reach(self, others: Sequence[Connection]) -> list[Figure]:
        """Word to connected followers, while others post: how long theirs takes beside it."""
        largest = await self._db.fetchrow(LARGEST, timeout_s=_WAIT_S)
        assert largest is not None
        rows = await self._db.fetch(SOME_FOLLOWERS, largest["id"], self._options.sockets, timeout_s=_WAIT_S)
        tokens = await self._tokens([row["id"] for row in rows])
        listeners = [self._listener(token) for token in tokens]
        author = Connection(self._app.port, (await self._tokens([largest["id"]]))[0])
        try:
            for one in listeners:
                one.start()
            await _until(lambda: all(one.is_connected for one in listeners))
            for other in others:
                other.close()  # the server has closed those that were silent for a minute
                await other.ask("GET", "/feed?limit=1")
            alone = [await one.ask("POST", "/posts", b'{"text": "alone"}') for one in others]
            await asyncio.sleep(2)
            for one in listeners:
                one.heard_at = None
            started = time.perf_counter()
            await author.ask("POST", "/posts", b'{"text": "to all of you"}')
            beside = [await one.ask("POST", "/posts", b'{"text": "beside"}') for one in others]
            await _until(lambda: all(one.heard_at is not None for one in listeners))
            last = max(one.heard_at or 0.0 for one in listeners) - started
        finally:
            author.close()
            for one in listeners:
                one.close()
        count = largest["followers"]
        return [
            figure(QUESTION, f"word of a post to the last of {len(listeners)} of {count} followers", [last],
                   "s", better="lower", bar=BAR_REACH_S),
            figure(QUESTION, "others' posts beside it, p50", [statistics.median(beside)], "ms", better="lower",
                   peer="alone", against=[statistics.median(alone)]),
        ]  # fmt: skip

    def _listener(self, token: str) -> Listener:
        return Listener(home=0, token_of=lambda: token, port_of=lambda _: self._app.port)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WAIT_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for comes from another process
            await asyncio.sleep(0.01)


async def _filled(url: str, options: argparse.Namespace) -> None:
    """The database has the people, or gets them."""
    await migrate(url)
    db = await Database.connect(url, max_connections=1)
    try:
        await db.execute(NOTHING_TO_INDEX)
        if await db.fetchval("select exists (select from posts limit 1)"):
            return
    finally:
        await db.close()
    sizes = Sizes(people=options.people, posts=options.posts, follows=options.follows, seed=options.seed)
    started = time.monotonic()
    until = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    await copy_all(url, Population(sizes, until=until).tables(), on_rows=lambda *_: None)
    print(f"  filled in {time.monotonic() - started:.0f} s", flush=True)


async def ask(options: argparse.Namespace, url: str) -> list[Figure]:
    await _filled(url, options)
    app = await asyncio.to_thread(App, f"--database-url={url}", *_FLAGS)
    db = await Database.connect(url, max_connections=4)
    try:
        return await FeedBench(options, url=url, db=db, app=app).run()
    finally:
        await db.close()
        await asyncio.to_thread(app.stop)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench feed", description=(__doc__ or "").partition("\n")[0])
    for name, default in (("people", 100_000), ("posts", 1_000_000), ("follows", 5_000_000), ("readers", 400),
                          ("sockets", 200), ("rounds", 3), ("seed", 1)):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="a data folder that `socialflow seed` has filled")
    report.options(parser)
    options = parser.parse_args(argv)
    allow_many_files()
    random.seed(options.seed)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="socialflow-bench-")))
        engine = EmbeddedPostgres(data_dir=folder)
        url = engine.start()
        stack.callback(engine.stop)
        pin(1)
        figures = uvloop.run(ask(options, url))
    report.hand_over(figures, options.json)
    return 0
