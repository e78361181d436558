"""Which Redis is the master now, as its sentinels answer; connections go there, and to no earlier master.

The sentinels are asked once a second, and at once when a command failed or a master answered that it is one no more. A
command never waits for a sentinel: it goes to the master that is known, or fails, and the next one finds the new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.asyncio.connection import BlockingConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from actors.runtime import Clock, LoopClock
from storage.errors import Unavailable
from storage.redis_address import HostPort, RedisAddress
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

ASK_S: Final = 0.5
"""How long one sentinel may take; all are asked side by side."""
WATCH_S: Final = 1.0
GAP_S: Final = 0.1
"""Questions that were asked for out of turn are at least so far apart."""


class Master(NamedTuple):
    """``epoch``: of the election that made it master; a sentinel with a lower one has not seen the last election."""

    place: HostPort
    epoch: int


class Sentinel:
    """One sentinel, over a connection that the one task which asks keeps for itself."""

    def __init__(self, *, place: HostPort, connection: Any) -> None:
        self._place = place
        self._connection = connection

    async def ask(self, master: str) -> Master | str:
        """The master of this name; or, in words, why there is none."""
        try:
            async with asyncio.timeout(ASK_S):
                return await self._ask(master)
        except TimeoutError:
            reason = "no answer"
        except ResponseError as error:
            reason = _refusal(error)
        except (RedisError, OSError) as error:
            reason = str(error) or type(error).__name__
        await self.close()
        return f"{self._place}: {reason}"

    async def _ask(self, master: str) -> Master | str:
        """Both questions in one write: the address, which is right in the middle of a fail-over too, and the epoch."""
        connection = self._connection
        try:
            await connection.connect()
            questions = [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master), ("SENTINEL", "MASTERS")]
            await connection.send_packed_command(connection.pack_commands(questions))
            address, masters = await connection.read_response(), await connection.read_response()
        except BaseException:
            await self.close()
            raise
        epochs = dict(_named(state) for state in masters)
        if address is None or master not in epochs:
            known = ", ".join(sorted(epochs)) or "none"
            return f"{self._place}: it knows no master named {master!r} (but: {known})"
        return Master(HostPort(address[0].decode(), int(address[1])), epochs[master])

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


def _refusal(error: ResponseError) -> str:
    return "a Redis answers there, no sentinel" if "unknown command" in str(error).lower() else str(error)


def _named(state: Sequence[bytes]) -> tuple[str, int]:
    fields = dict(zip(state[::2], state[1::2], strict=False))
    return fields[b"name"].decode(), int(fields.get(b"config-epoch", 0))


class MasterWatch:
    """Knows where the master is. ``start``, then ``place`` whenever a connection is made; ``doubt`` what is known;
    ``close`` last.
    """

    def __init__(self, *, master: str, sentinels: Sequence[Sentinel], clock: Clock | None = None) -> None:
        self._name = master
        self._sentinels = sentinels
        self._clock = clock or LoopClock()
        self._wakeup = Wakeup(clock=self._clock)
        self._known = Master(HostPort("", 0), -1)
        self._is_lost = False
        self._task: asyncio.Task[None] | None = None

    @property
    def place(self) -> HostPort:
        return self._known.place

    def __str__(self) -> str:
        return f"master {self._name} at {self.place}"

    async def start(self) -> None:
        """Raises ``Unavailable`` when no sentinel names a master."""
        try:
            await self._look()
        except BaseException:
            await self.close()
            raise
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"watch the sentinels of {self._name}")

    def doubt(self) -> None:
        """Something did not go as it should with a master: the sentinels are asked at once."""
        self._wakeup.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for sentinel in self._sentinels:
            await sentinel.close()

    async def _run(self) -> None:
        while True:
            await self._wakeup.wait(WATCH_S)
            try:
                await self._look()
            except Unavailable as error:
                self._note_lost(error)
            await self._clock.sleep(GAP_S)

    def _note_lost(self, error: Unavailable) -> None:
        if not self._is_lost:
            log.warning("%s; staying with %s", error, self.place)
        self._is_lost = True

    async def _look(self) -> None:
        said = await asyncio.gather(*(sentinel.ask(self._name) for sentinel in self._sentinels))
        masters = [one for one in said if isinstance(one, Master)]
        if not masters:
            reasons = "; ".join(one for one in said if isinstance(one, str))
            raise Unavailable("redis", f"no sentinel names a master ({reasons})")
        self._is_lost = False
        newest = max(masters, key=lambda one: one.epoch)
        # A few that were cut off from the others may still name the master of before.
        if newest.epoch >= self._known.epoch or 2 * len(masters) > len(self._sentinels):
            self._take(newest)

    def _take(self, master: Master) -> None:
        if self.place.host and master.place != self.place:
            log.warning("the master %s is now at %s, no more at %s", self._name, master.place, self.place)
        self._known = master


class MasterPool(BlockingConnectionPool):
    """Connections to the master that is known; one to a master of before is closed instead of used."""

    def __init__(self, *, watch: MasterWatch, **options: Any) -> None:
        super().__init__(redis_connect_func=_meet, **options)
        self._watch = watch

    async def ensure_connection(self, connection: Any) -> None:
        place = self._watch.place
        if (connection.host, connection.port) != place:
            await connection.disconnect(nowait=True)
            connection.host, connection.port = place
        await super().ensure_connection(connection)


async def _meet(connection: Any) -> None:
    """What a new connection begins with: the server there must call itself the master."""
    await connection.on_connect()
    await connection.send_command("ROLE")
    try:
        role = await connection.read_response()
    except NoPermissionError:
        return  # this user may not ask; a write to a replica is refused all the same
    if role[0] != b"master":
        raise RedisConnectionError(f"{connection.host}:{connection.port} is a replica now")


def watch_of(address: RedisAddress, **options: Any) -> MasterWatch:
    """``options``: how every connection is made, beside what the address says."""

    options = {**options, **address.sentinel_options}
    sentinels = [
        Sentinel(place=place, connection=address.connection_class(**place._asdict(), **options))
        for place in address.sentinels
    ]
    return MasterWatch(master=address.master, sentinels=sentinels)
