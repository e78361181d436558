"""Redis: commands and scripts with a deadline each, and a connection that was left half way is never used again."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.errors import StorageError, Unavailable
from storage.redis_address import BadAddress, RedisAddress
from storage.sentinel import MasterPool, MasterWatch, watch_of

DEADLINE_S: Final = 2.0
_NAME: Final = "redis"
_PASSING: Final = (
    AuthenticationError,
    BusyLoadingError,
    RedisConnectionError,
    RedisTimeoutError,
    OSError,
)

# What a server says that was a master when the connection was made; inside of a script it has more words around it.
_DEMOTED: Final = re.compile(r"(?:^|[ -])(?:READONLY|UNBLOCKED) ")
# What passes without a new connection: too few replicas to write, a disk that is full, a script that runs too long.
_WAITING: Final = re.compile(r"(?:^|[ -])(?:NOREPLICAS|MISCONF|OOM|BUSY) ")

Word = str | bytes | int | float


class Redis:
    """A bounded pool of connections. Safe for concurrent use by tasks of one event loop.

    Answers are ``bytes``, ``int``, ``None`` and lists of them. Every call raises ``Unavailable``, also when its
    deadline passes, or ``StorageError`` when the server refuses the command itself.
    """

    def __init__(self, *, pool: BlockingConnectionPool, deadline_s: float, watch: MasterWatch | None = None) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._watch = watch
        self._idle: list[Any] = []
        """Connections of the pool between two uses, the last one used first: to give one back to the pool and take it
        again costs more than the rest of a command."""
        self._wanting = 0

    @classmethod
    async def connect(cls, url: str, *, max_connections: int = 32, deadline_s: float = DEADLINE_S) -> Redis:
        """Open a pool on an address, as ``RedisAddress`` takes it, and see that the server, or the master, answers."""
        try:
            address = RedisAddress.read(url)
        except BadAddress as error:
            raise Unavailable(_NAME, str(error)) from error
        # Ours is the only deadline: one inside it could swallow a cancellation that comes as the write ends.
        of_each = {
            "socket_connect_timeout": deadline_s,
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        of_pool = {"max_connections": max_connections, "timeout": deadline_s}
        options = {"connection_class": address.connection_class, **of_pool, **of_each, **address.options}
        if not address.sentinels:
            return await _opened(cls(pool=BlockingConnectionPool(**options), deadline_s=deadline_s))
        watch = watch_of(address, **of_each)
        await watch.start()
        return await _opened(cls(pool=MasterPool(watch=watch, **options), deadline_s=deadline_s, watch=watch))

    async def close(self) -> None:
        if self._watch is not None:
            await self._watch.close()
        await self._pool.disconnect()

    @property
    def master(self) -> str:
        """Which master it is and where, as its sentinels say; empty without sentinels."""
        return str(self._watch or "")

    async def ping(self, *, timeout_s: float | None = None) -> None:
        """Return when the server answers."""
        await self.command("PING", timeout_s=timeout_s)

    async def command(self, *words: Word, timeout_s: float | None = None) -> Any:
        """Send one command and return its answer."""
        async with self._connection(timeout_s) as connection:
            await connection.send_command(*words)
            return await connection.read_response()

    async def pipeline(self, commands: Sequence[Sequence[Word]], *, timeout_s: float | None = None) -> list[Any]:
        """Send commands in one write and return their answers in order; a refused one leaves its error in the list."""
        answers: list[Any] = []
        async with self._connection(timeout_s) as connection:
            await connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                try:
                    answers.append(await connection.read_response())
                except ResponseError as error:
                    if _is_of_demoted(error):
                        raise
                    answers.append(_of_refusal(error))
        return answers

    async def run(
        self, script: Script, *, keys: Sequence[str], args: Sequence[Word] = (), timeout_s: float | None = None
    ) -> Any:
        """Run a script by its digest, sending its text only to a server that has not seen it."""
        async with self._connection(timeout_s) as connection:
            await connection.send_command("EVALSHA", script.digest, len(keys), *keys, *args)
            try:
                return await connection.read_response()
            except NoScriptError:
                await connection.send_command("EVAL", script.text, len(keys), *keys, *args)
                return await connection.read_response()

    @asynccontextmanager
    async def _connection(self, timeout_s: float | None) -> AsyncIterator[Any]:
        """A connection for one exchange. If the exchange ends in any way but an answer, it is closed before another
        caller can get it: an answer still on its way would be taken for that of the next command."""
        try:
            async with asyncio.timeout(timeout_s or self._deadline_s):
                connection = await self._take()
                try:
                    yield connection
                except BaseException as error:
                    if not isinstance(error, ResponseError) or _is_of_demoted(error):
                        await connection.disconnect(nowait=True)
                    raise
                finally:
                    await self._give_back(connection)
        except TimeoutError as error:
            self._doubt()
            raise Unavailable(_NAME, "no answer within the deadline") from error
        except _PASSING as error:
            self._doubt()
            raise Unavailable(_NAME, _advised(str(error) or type(error).__name__)) from error
        except ResponseError as error:
            if _is_of_demoted(error):
                self._doubt()
            raise _of_refusal(error) from error
        except RedisError as error:
            raise StorageError(str(error)) from error

    async def _take(self) -> Any:
        if not self._idle:
            self._wanting += 1
            try:
                return await self._pool.get_connection()  # type: ignore[no-untyped-call]
            finally:
                self._wanting -= 1
        connection = self._idle.pop()
        try:
            await self._pool.ensure_connection(connection)
        except BaseException:
            await self._pool.release(connection)
            raise
        return connection

    async def _give_back(self, connection: Any) -> None:
        """To who waits at the pool, if anybody does."""
        if self._wanting or not connection.is_connected:
            await self._pool.release(connection)
        else:
            self._idle.append(connection)

    def _doubt(self) -> None:
        if self._watch is not None:
            self._watch.doubt()


async def _opened(redis: Redis) -> Redis:
    try:
        await redis.ping()
    except BaseException:
        await redis.close()
        raise
    return redis


def _is_of_demoted(error: ResponseError) -> bool:
    """A replica's answer: the connection is of no use any more; what is at its address now needs a new connection."""
    return isinstance(error, ReadOnlyError | MasterDownError) or _DEMOTED.search(str(error)) is not None


def _of_refusal(error: ResponseError) -> StorageError:
    if _is_of_demoted(error) or isinstance(error, OutOfMemoryError) or _WAITING.search(str(error)):
        return Unavailable(_NAME, str(error))
    return StorageError(str(error))


def _advised(reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return f"{reason} (name the certificate's authority with ?ssl_ca_certs=/path/of/ca.pem)"
    return reason


class Script:
    """A Lua script of ``storage/lua``."""

    def __init__(self, *, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def load(cls, name: str) -> Script:
        return cls(text=(files("storage") / "lua" / f"{name}.lua").read_text())


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something may happen now, and if not, when. ``remaining``: how much more may follow at once.
    ``full_in_s``: until the whole burst is there again. ``is_blind``: nothing was counted, since Redis is away.
    """

    is_allowed: bool
    retry_after_s: float = 0.0
    remaining: int = 0
    full_in_s: float = 0.0
    is_blind: bool = False


class Limit(msgspec.Struct, frozen=True):
    """A bucket: ``rate`` units per second, at most ``burst`` at once."""

    key: str
    rate: float
    burst: int


class RedisRateLimiter:
    """Rates shared by all nodes: a generic cell rate for each key. Falls open while Redis is away.

    After a failure Redis is left alone for ``rest_s``, so that a hanging server does not slow every request down.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        prefix: str = "rate:",
        timeout_s: float = 0.25,
        rest_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._rest_s = rest_s
        self._clock = clock
        self._blind_until = float("-inf")
        self._script = Script.load("rate")

    async def take(self, key: str, *, rate: float, burst: int, cost: int = 1) -> Verdict:
        """Ask for ``cost`` out of ``rate`` per second with at most ``burst`` at once. A refusal costs nothing."""
        return await self.take_all([Limit(key, rate, burst)], cost=cost)

    async def take_all(self, limits: Sequence[Limit], *, cost: int = 1) -> Verdict:
        """Ask each bucket for ``cost``, in one exchange: all give it, or none does. The verdict is that of the first
        one that refuses, else of the last.
        """
        if self._clock() < self._blind_until:
            return Verdict(is_allowed=True, is_blind=True)
        try:
            wait_us, full_in_us = await self._redis.run(
                self._script,
                keys=[self._prefix + limit.key for limit in limits],
                args=[cost, *(value for limit in limits for value in (round(1_000_000 / limit.rate), limit.burst))],
                timeout_s=self._timeout_s,
            )
        except Unavailable:
            self._blind_until = self._clock() + self._rest_s
            return Verdict(is_allowed=True, is_blind=True)
        last = limits[-1]
        return Verdict(
            is_allowed=wait_us == 0,
            retry_after_s=wait_us / 1_000_000,
            remaining=max(0, int(last.burst - full_in_us * last.rate / 1_000_000 + 1e-6)),
            full_in_s=full_in_us / 1_000_000,
        )
