"""The pool of Postgres connections: SQL in, rows out, our own errors, a deadline on everything.

Conventions at this boundary: ``uuid`` is text both ways, ``json``/``jsonb`` are plain values, ``timestamptz`` is an
aware ``datetime``. No other package imports the driver.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import asyncpg

from storage.errors import StorageError, Unavailable
from storage.plans import PLANNED_EACH_TIME, STATEMENTS_KEPT, PlannedOnce, text_of
from storage.postgres_codecs import set_codecs
from storage.postgres_errors import translated
from storage.postgres_idle import IdleConnections
from storage.postgres_session import Session, Types

Row: TypeAlias = "asyncpg.Record"

DEADLINE_S: Final = 5.0
NONE_LEFT_S: Final = 0.25
"""Between two attempts to open a connection while the server has none left and no pooled one is given back."""
IDLE_S: Final = 30.0
"""How long a pooled connection is kept for the next who wants one: the server's are shared by all nodes, and a peak of
one node must not keep them from the others for minutes."""
THROUGH_POOL: Final = 256
"""Every so many uses a connection goes through the driver's pool, which ends those that were used very often."""
_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


class Database:
    """A bounded pool. Safe for concurrent use by tasks of one event loop.

    Every call raises ``Unavailable`` (also when its deadline passes), ``Conflict``, ``BadValue`` or, for a defect in
    the SQL, ``StorageError``. A call that was cancelled or timed out may or may not have been carried out. After an
    outage the next call connects anew by itself. While the server has no connection left to open, a call waits within
    its deadline for one that the pool has open.
    """

    def __init__(self, *, pool: asyncpg.Pool[Row], deadline_s: float, url: str, settings: dict[str, str]) -> None:
        """``settings`` are those of each session, on ``url``."""
        self._pool = pool
        self._deadline_s = deadline_s
        self._url = url
        self._settings = settings
        self._own: list[Dedicated] = []
        self._idle = IdleConnections(kept_s=IDLE_S)
        self._uses = 0
        self._wanting = 0
        self._outages = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        max_connections: int = 16,
        deadline_s: float = DEADLINE_S,
        name: str = "socialflow",
    ) -> Database:
        """Open a pool on what libpq takes: ``postgresql://…``, also ``postgresql://postgres:@/postgres?host=/dir``."""
        settings = {
            "application_name": name,
            "timezone": "UTC",
            **PLANNED_EACH_TIME,
            # The server gives up a little after the caller has, so that no statement runs on for nobody, and no lock
            # stays of a node that is frozen in a transaction. `storage.leases.hold` shortens the second.
            "statement_timeout": str(int(deadline_s * 2000)),
            "idle_in_transaction_session_timeout": str(int(deadline_s * 2000)),
            "lock_timeout": str(int(deadline_s * 1000)),
        }
        types: Types = {}
        with translated():
            async with asyncio.timeout(deadline_s):
                pool = await asyncpg.create_pool(
                    dsn=url,
                    min_size=0,
                    max_size=max_connections,
                    init=lambda session: session.begin(types),
                    connection_class=Session,
                    statement_cache_size=STATEMENTS_KEPT,
                    reset=_leave_as_is,
                    server_settings=settings,
                    timeout=deadline_s,
                    command_timeout=deadline_s,
                    max_inactive_connection_lifetime=IDLE_S,
                )
        database = cls(pool=pool, deadline_s=deadline_s, url=url, settings=settings)
        try:
            await database.ping(timeout_s=deadline_s)
        except StorageError:
            pool.terminate()
            raise
        return database

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Close gracefully; what still runs after ``timeout_s`` is cut off."""
        try:
            async with asyncio.timeout(timeout_s):
                for dedicated in self._own:
                    await dedicated.close()
                self._idle.end()
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    async def ping(self, *, timeout_s: float = 2.0) -> None:
        """Return when the server answers."""
        await self.fetchval("select 1", timeout_s=timeout_s)

    async def fetch(self, sql: str, *args: object, timeout_s: float | None = None) -> list[Row]:
        rows: list[Row] = await self._run("fetch", sql, args, timeout_s)
        return rows

    async def fetchrow(self, sql: str, *args: object, timeout_s: float | None = None) -> Row | None:
        row: Row | None = await self._run("fetchrow", sql, args, timeout_s)
        return row

    async def fetchval(self, sql: str, *args: object, timeout_s: float | None = None) -> Any:
        return await self._run("fetchval", sql, args, timeout_s)

    async def execute(self, sql: str, *args: object, timeout_s: float | None = None) -> int:
        """Run one statement and return the number of rows it touched."""
        return _touched(await self._run("execute", sql, args, timeout_s))

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, timeout_s: float | None = None, planned_once: bool = False
    ) -> AsyncIterator[Transaction]:
        """One transaction: committed at the end of the block, rolled back if the block raises.

        The deadline covers the wait for a connection, the whole block and the commit. ``planned_once``: its statements
        all look rows up by key, and run as ``PlannedOnce``.
        """
        limit = timeout_s or self._deadline_s
        of_block: list[BaseException] = []
        after_commit: list[Callable[[], None]] = []
        try:
            with translated(of_block):
                async with (
                    asyncio.timeout(limit),
                    self._pooled(limit, planned_once=planned_once) as connection,
                    connection.transaction(),
                ):
                    try:
                        yield Transaction(connection=connection, after_commit=after_commit)
                    except BaseException as error:
                        of_block.append(error)
                        raise
        except Unavailable as error:
            await self._renew_if_lost(error)
            raise
        for call in after_commit:
            call()

    def dedicated(self, settings: Mapping[str, str]) -> Dedicated:
        """A connection beside the pool, with settings of its own. It ends with this object."""
        found = Dedicated(
            connect=partial(self._connect, {**self._settings, **settings}),
            outages=lambda: self._outages,
            pooled=self.fetch,
        )
        self._own.append(found)
        return found

    @contextlib.asynccontextmanager
    async def listening(self, channel: str, on_notify: Callable[[str], None]) -> AsyncIterator[Listening]:
        """A connection beside the pool that gets the NOTIFYs of a channel while the block runs: their payloads."""
        with translated():
            connection = await self._connect(self._settings, self._deadline_s)
            try:
                listening = Listening(connection=connection)
                await connection.add_listener(channel, lambda *heard: on_notify(heard[3]))
            except BaseException:
                connection.terminate()
                raise
        try:
            yield listening
        finally:
            connection.terminate()

    async def _connect(self, settings: dict[str, str], timeout_s: float) -> Any:
        connection = await asyncpg.connect(
            self._url, timeout=timeout_s, command_timeout=self._deadline_s, server_settings=settings
        )
        await set_codecs(connection)
        return connection

    async def _run(self, verb: str, sql: str, args: Sequence[object], timeout_s: float | None) -> Any:
        left_s, once = timeout_s or self._deadline_s, isinstance(sql, PlannedOnce)
        try:
            with translated():
                # As ``_pooled``, without what a context manager and a time-out cost each statement: the driver has one.
                connection = self._idle.take(once=once)
                if connection is None:
                    connection, left_s = await self._acquire_within(left_s)
                is_well = False
                try:
                    if connection.plans_once is not once:
                        await connection.plan(once=once)
                    answer = await getattr(connection, verb)(text_of(sql), *args, timeout=left_s)
                    is_well = True
                finally:
                    await self._give_back(connection, left_s, is_well=is_well)
                return answer
        except Unavailable as error:
            await self._renew_if_lost(error)
            raise

    async def _acquire_within(self, limit_s: float) -> tuple[Any, float]:
        """A connection, and how many seconds are left of the limit."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + limit_s
        async with asyncio.timeout_at(ends_at):
            connection = await self._acquire()
        return connection, max(0.001, ends_at - clock())

    @contextlib.asynccontextmanager
    async def _pooled(self, limit_s: float, *, planned_once: bool) -> AsyncIterator[Any]:
        """A connection of the pool: an open one as long as there is one, else a new one. Where the server has none
        left to open, it waits for the next that is given back; ends with the caller's time-out.
        """
        connection = self._idle.take(once=planned_once) or await self._acquire()
        is_well = False
        try:
            await connection.plan(once=planned_once)
            yield connection
            is_well = True
        finally:
            await self._give_back(connection, limit_s, is_well=is_well)

    async def _give_back(self, connection: Any, limit_s: float, *, is_well: bool) -> None:
        """``is_well``: its last statement was answered, so it is ready for the next."""
        self._uses += 1
        if is_well and not self._wanting and self._uses % THROUGH_POOL:
            self._idle.put(connection)
        else:
            await self._pool.release(connection, timeout=limit_s)
        self._wake_one()

    async def _acquire(self) -> Any:
        """Within the caller's time-out: one of the driver's would cost a task each time."""
        self._wanting += 1
        try:
            while True:
                if self._waiting and self._pool.get_idle_size() == 0:
                    await self._given_back()  # who waits already goes first, and another attempt would fail as well
                try:
                    return await self._pool.acquire()
                except asyncpg.TooManyConnectionsError:
                    await self._given_back()
        finally:
            self._wanting -= 1

    async def _given_back(self) -> None:
        """Returns when a connection is given back; or after ``NONE_LEFT_S``, since others may have left one free."""
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        try:
            async with asyncio.timeout(NONE_LEFT_S):
                await given
        except TimeoutError:
            return
        finally:
            if not given.done() or given.cancelled():
                with contextlib.suppress(ValueError):
                    self._waiting.remove(given)

    def _wake_one(self) -> None:
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_result(None)
                return

    async def _renew_if_lost(self, error: Unavailable) -> None:
        """After one connection was lost the others are not trusted either: an outage is met once, not by each."""
        if isinstance(error.__cause__, _LOST) and not isinstance(error.__cause__, TimeoutError):
            self._outages += 1
            self._idle.end()
            with contextlib.suppress(asyncpg.InterfaceError):
                await self._pool.expire_connections()
        # A connect that is refused at once never waits: whoever tries again in a loop must not starve the others.
        await asyncio.sleep(0)


class Dedicated:
    """Statements that follow each other closely, each a transaction of its own, on a connection that is for nothing
    else. It is made with the first one, and anew with the next after one that failed or after an outage that the pool
    has met. Not for concurrent use.
    """

    def __init__(
        self,
        *,
        connect: Callable[[float], Awaitable[Any]],
        outages: Callable[[], int],
        pooled: Callable[..., Awaitable[list[Row]]],
    ) -> None:
        """``pooled`` carries a statement out on a connection of the pool."""
        self._connect = connect
        self._outages = outages
        self._pooled = pooled
        self._seen = 0
        self._connection: Any = None

    async def open(self, *, timeout_s: float = DEADLINE_S) -> None:
        """Makes the connection before it is needed. Raises ``Unavailable``."""
        await self.fetch("select 1", timeout_s=timeout_s)

    async def fetch(self, sql: str, *args: object, timeout_s: float = DEADLINE_S) -> list[Row]:
        """As ``Database.fetch``; the deadline covers the making of the connection. Cancelled, it is lost with it.

        While the server has no connection left to open, the statement is carried out on one of the pool.
        """
        if self._connection is not None and self._seen != self._outages():
            self._cut()
        try:
            with translated():
                async with asyncio.timeout(timeout_s):
                    if self._connection is None:
                        self._seen = self._outages()
                        self._connection = await self._connect(timeout_s)
                    rows: list[Row] = await self._connection.fetch(text_of(sql), *args)
                    return rows
        except asyncio.CancelledError:
            self._cut()
            raise
        except Unavailable as error:
            self._cut()
            if isinstance(error.__cause__, asyncpg.TooManyConnectionsError):
                return await self._pooled(sql, *args, timeout_s=timeout_s)
            # A connect that is refused at once never waits: whoever tries again in a loop must not starve the others.
            await asyncio.sleep(0)
            raise

    def _cut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Ends the connection. A later statement makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class Listening:
    """A connection that listens for NOTIFY."""

    def __init__(self, *, connection: Any) -> None:
        self._connection = connection
        self._lost = asyncio.Event()
        connection.add_termination_listener(lambda _: self._lost.set())

    async def until_lost(self, *, probe_s: float) -> None:
        """Return or raise ``Unavailable`` when the connection has gone; the server is asked every ``probe_s``, as one
        that went without a word would not be noticed."""
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(probe_s):
                    await self._lost.wait()
                return
            with translated():
                await self._connection.fetchval("select 1")


class Transaction:
    """The verbs of ``Database`` on one connection, inside its transaction. Not for concurrent use."""

    def __init__(self, *, connection: Any, after_commit: list[Callable[[], None]]) -> None:
        self._connection = connection
        self._after_commit = after_commit

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have ``call`` run once the commit is known, in the order of the calls; never after a rollback.

        It runs at most once: not when the process ends first, nor when the commit's answer is lost. So it is for what
        only hurries (an event to sockets, a wake-up); what must happen is a fact or a job. ``call`` must not raise.
        """
        self._after_commit.append(call)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        with translated():
            rows: list[Row] = await self._connection.fetch(text_of(sql), *args)
            return rows

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        with translated():
            row: Row | None = await self._connection.fetchrow(text_of(sql), *args)
            return row

    async def fetchval(self, sql: str, *args: object) -> Any:
        with translated():
            return await self._connection.fetchval(text_of(sql), *args)

    async def execute(self, sql: str, *args: object) -> int:
        with translated():
            return _touched(await self._connection.execute(text_of(sql), *args))

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        with translated():
            await self._connection.executemany(text_of(sql), rows)


Reads = Database | Transaction
"""What a verb reads through that its caller calls within a transaction or without one."""


def _touched(status: str) -> int:
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


async def _leave_as_is(connection: Any) -> None:
    """Nothing here changes the session's state outside of a transaction, so there is nothing to clean up after a use,
    and no query is spent on it."""
