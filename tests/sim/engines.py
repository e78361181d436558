"""Models of Redis and Postgres: as much of both as a cluster uses, on virtual time, with the ways in which they fail.

Of Redis the streams, and the two scripts of membership and leases, statement by statement. Of Postgres the epochs and
one fenced table. Both audit what is written, whether or not they refuse it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from actors.runtime.ids import ActorId, shard_of
from storage.errors import Fenced
from storage.leases import ShardEpoch
from storage.redis import Script
from tests.sim.simulation import WALL, Call, Simulation

BEAT, SHARDS = Script.load("beat").digest, Script.load("shards").digest


class RedisStream:
    def __init__(self) -> None:
        self.entries: list[tuple[tuple[int, int], bytes]] = []
        self.last = (0, 0)
        self.expires_ms: float = float("inf")


class Waiter:
    """A blocked read. `lose` is what happens to it when its connection breaks."""

    def __init__(
        self, after: tuple[int, int], count: int, give: Callable[[Any], None], lose: Callable[[], None]
    ) -> None:
        self.after = after
        self.count = count
        self.give = give
        self.lose = lose
        self.alarm: Call | None = None


class Data:
    """What a Redis may lose."""

    def __init__(self) -> None:
        self.cluster: dict[str, Any] = {}
        self.members: dict[str, bytes] = {}
        self.seen: dict[str, int] = {}
        self.shards: dict[str, str] = {}
        self.streams: dict[str, RedisStream] = {}


class RedisModel:
    """One Redis. `ahead_s` is by how much its clock is off."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.rng = simulation.rng("redis")
        self.data = Data()
        self.ahead_s = 0.0
        self.is_up = True
        self.is_paused = False
        self.held: list[Callable[[], None]] = []
        self.loses = 0.0
        self.repeats = 0.0
        self.delays = 0.0
        self.waiters: dict[str, list[Waiter]] = {}

    # Time and life.

    def time_us(self) -> int:
        return round((WALL + self.simulation.now + self.ahead_s) * 1_000_000)

    def now_ms(self) -> int:
        return self.time_us() // 1000

    def snapshot(self) -> Data:
        return copy.deepcopy(self.data)

    def stop(self) -> None:
        self.is_up = False
        waiters, self.waiters = self.waiters, {}
        for waiter in [waiter for waiting in waiters.values() for waiter in waiting]:
            waiter.lose()

    def start(self, data: Data | None = None) -> None:
        """Again, with what it had, or with this."""
        if data is not None:
            self.data = data
        self.is_up = True

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
        held, self.held = self.held, []
        for deliver in held:
            deliver()

    def flush(self) -> None:
        """FLUSHALL: nobody's connection breaks."""
        self.data = Data()

    # Streams.

    def _stream(self, name: str) -> RedisStream | None:
        stream = self.data.streams.get(name)
        if stream is not None and stream.expires_ms <= self.now_ms():
            del self.data.streams[name]
            return None
        return stream

    def append(self, name: str, data: bytes, most: int) -> None:
        """XADD, with what may become of an entry when a replica takes over."""
        draw = self.rng.random()
        if draw < self.loses:
            self.simulation.note("redis loses an entry of", name)
            return
        if draw < self.loses + self.repeats:
            self.simulation.note("redis repeats an entry of", name)
            self._add(name, data, most)
        elif draw < self.loses + self.repeats + self.delays:
            self.simulation.after(self.rng.uniform(0.01, 3.0), self._add, name, data, most)
            return
        self._add(name, data, most)

    def _add(self, name: str, data: bytes, most: int) -> None:
        if not self.is_up:
            return
        stream = self._stream(name)
        if stream is None:
            stream = self.data.streams[name] = RedisStream()
        ms, last = self.now_ms(), stream.last
        stream.last = (ms, 0) if ms > last[0] else (last[0], last[1] + 1)
        stream.entries.append((stream.last, data))
        if len(stream.entries) > most + 100:
            del stream.entries[: len(stream.entries) - most]
        for waiter in self.waiters.pop(name, ()):
            if stream.last > waiter.after:
                self._give(waiter, self._after(name, waiter.after, waiter.count))
            else:
                self.waiters.setdefault(name, []).append(waiter)

    def _after(self, name: str, after: tuple[int, int], count: int) -> list[tuple[str, bytes]]:
        stream = self._stream(name)
        if stream is None or stream.last <= after:
            return []
        found = [(f"{at[0]}-{at[1]}", data) for at, data in stream.entries if at > after]
        return found[:count]

    def _give(self, waiter: Waiter, batch: list[tuple[str, bytes]]) -> None:
        if waiter.alarm is not None:
            waiter.alarm.cancel()
        waiter.give(batch)

    def read(
        self,
        name: str,
        after: str,
        count: int,
        block_s: float,
        *,
        give: Callable[[Any], None],
        lose: Callable[[], None],
    ) -> Waiter | None:
        """XREAD BLOCK; the waiter if it blocks."""
        ms, _, sequence = after.partition("-")
        place = (int(ms), int(sequence))
        batch = self._after(name, place, count)
        if batch:
            give(batch)
            return None
        waiter = Waiter(place, count, give, lose)
        self.waiters.setdefault(name, []).append(waiter)
        waiter.alarm = self.simulation.after(block_s, self._unblock, name, waiter)
        return waiter

    def _unblock(self, name: str, waiter: Waiter) -> None:
        self.forget(name, waiter)
        waiter.give([])

    def forget(self, name: str, waiter: Waiter) -> None:
        """Its connection was closed."""
        if waiter.alarm is not None:
            waiter.alarm.cancel()
        waiting = self.waiters.get(name, [])
        if waiter in waiting:
            waiting.remove(waiter)

    def last_id(self, name: str) -> str:
        stream = self._stream(name)
        if stream is None or not stream.entries:
            return "0-0"
        at = stream.entries[-1][0]
        return f"{at[0]}-{at[1]}"

    def trim(self, name: str, before: str) -> None:
        stream = self._stream(name)
        if stream is not None:
            ms, _, sequence = before.partition("-")
            place = (int(ms), int(sequence))
            stream.entries = [entry for entry in stream.entries if entry[0] >= place]

    # Scripts.

    def run(self, digest: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        return self._beat(keys[4], args) if digest == BEAT else self._give_shards(args)

    def _beat(self, inbox: str, args: Sequence[Any]) -> Any:
        """lua/beat.lua."""
        cluster_id, name, incarnation, record, silent, known, what = args
        data, us = self.data, self.time_us()
        now = us // 1000
        theirs = data.cluster.get("id")
        if theirs is not None and theirs != cluster_id:
            return [b"wrong cluster", theirs.encode()]
        if theirs is None:
            data.cluster.update(id=cluster_id, since=now, version=us)
        mine = data.members.get(name)
        if mine is not None and mine[:16] != incarnation.encode() and what != "join":
            return [b"replaced", mine[:16]]
        self._sweep(now, silent)
        if now < data.cluster.get("beat", 0):
            data.cluster["since"] -= data.cluster["beat"] - now
        data.cluster["beat"] = now
        if what == "leave":
            data.members.pop(name, None)
            data.seen.pop(name, None)
            data.streams.pop(inbox, None)
        else:
            if what == "join":
                data.streams.pop(inbox, None)
            data.members[name] = incarnation.encode() + record
            data.seen[name] = now
            stream = self._stream(inbox)
            if stream is not None:
                stream.expires_ms = now + 60_000
        version = data.cluster["version"]
        table = None
        if version != known:
            table = [word for shard, holder in data.shards.items() for word in (shard.encode(), holder.encode())]
        members = [word for member, value in data.members.items() for word in (member.encode(), value)]
        return [b"ok", now - data.cluster["since"], str(version).encode(), members, table]

    def _sweep(self, now: int, silent: int) -> None:
        data = self.data
        last = data.cluster.get("beat", 0)
        was_away = now - last > silent or now < last
        for other, at in list(data.seen.items()):
            if was_away or at > now:
                data.seen[other] = now
            elif now - at > silent:
                self.simulation.note("redis drops", other)
                del data.seen[other]
                data.members.pop(other, None)

    def lives(self, holder: str, now: int, silent: int) -> bool:
        name, incarnation = holder[:-17], holder[-16:]
        record, at = self.data.members.get(name), self.data.seen.get(name)
        return record is not None and at is not None and record[:16] == incarnation.encode() and now - at <= silent

    def may_give(self, holder: str | None, to: str, caller: str, now: int, silent: int) -> bool:
        """lua/shards.lua: by its holder, or by anyone if it has none that lives; only to who lives."""
        if holder == to or not self.lives(to, now, silent):
            return False
        return holder is None or holder == caller or not self.lives(holder, now, silent)

    def _give_shards(self, args: Sequence[Any]) -> Any:
        """lua/shards.lua."""
        caller, silent, *pairs = args
        data, now = self.data, self.now_ms()
        winners: list[bytes] = []
        is_changed = False
        for number, to in zip(pairs[::2], pairs[1::2], strict=True):
            shard = str(number)
            holder = data.shards.get(shard)
            if self.may_give(holder, to, caller, now, silent):
                if holder not in (None, caller) and self.lives(holder or "", now, silent):
                    self.simulation.violate(f"{caller} gave shard {shard} of the living {holder} to {to}")
                self.simulation.note("lease of", shard, holder, "->", to)
                data.shards[shard] = holder = to
                is_changed = True
            if holder is not None:
                winners += (shard.encode(), holder.encode())
        if is_changed:
            data.cluster["version"] = max(data.cluster.get("version", 0) + 1, self.time_us())
        return [str(data.cluster.get("version", 0)).encode(), winners]


class TableRow(NamedTuple):
    """One message of a room. `epoch` and `writer` are those of who wrote it."""

    offset: int
    client_id: str
    epoch: int
    writer: str


class PostgresModel:
    """The epochs of the shards, and the rooms' logs, whose only guard is the fence."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.rng = simulation.rng("postgres")
        self.epochs: dict[int, ShardEpoch] = {}
        self.rooms: dict[str, list[TableRow]] = {}
        self.known: dict[str, set[str]] = {}
        self.writers: dict[tuple[int, int], str] = {}
        self.facts: list[str] = []
        self.position = 0
        self.read_under = 0
        self.is_up = True
        self.slow_s = 0.0
        self.refused = 0

    def taken(self, shard: int) -> ShardEpoch:
        return self.epochs.get(shard) or ShardEpoch(epoch=0, node="")

    def read_epochs(self, shards: Sequence[int]) -> dict[int, ShardEpoch]:
        return {shard: self.taken(shard) for shard in shards}

    def raise_from(self, epochs: dict[int, int], node: str) -> dict[int, int]:
        raised = {shard: epoch + 1 for shard, epoch in epochs.items() if self.taken(shard).epoch == epoch}
        for shard, epoch in raised.items():
            self.epochs[shard] = ShardEpoch(epoch=epoch, node=node)
        if raised:
            self.simulation.note(node, "raises", raised)
        return raised

    def is_stale(self, shard: int, epoch: int) -> bool:
        return self.taken(shard).epoch != epoch

    def append(self, room: str, client_id: str, offset: int, epoch: int, writer: str) -> int:
        """Writes one row under its fence. Audited: one writer an epoch, each offset and each client id once."""
        shard = shard_of(ActorId("room", room))
        if self.is_stale(shard, epoch):
            self.refused += 1
            self.simulation.note(
                "postgres refuses", writer, room, offset, "epoch", epoch, "now", self.taken(shard).epoch
            )
            raise Fenced(shard, epoch)
        self._audit(room, client_id, offset, epoch, writer)
        self.rooms.setdefault(room, []).append(TableRow(offset, client_id, epoch, writer))
        self.known.setdefault(room, set()).add(client_id)
        self.facts.append(client_id)
        self.simulation.note(writer, "wrote", room, offset, client_id, "epoch", epoch)
        return offset

    def _audit(self, room: str, client_id: str, offset: int, epoch: int, writer: str) -> None:
        rows, shard = self.rooms.get(room, []), shard_of(ActorId("room", room))
        if self.writers.setdefault((shard, epoch), writer) != writer:
            self.simulation.violate(
                f"{writer} and {self.writers[shard, epoch]} both write shard {shard}, epoch {epoch}"
            )
        if rows and rows[-1].epoch > epoch:
            self.simulation.violate(f"{writer} writes {room} under epoch {epoch} after {rows[-1].epoch}")
        if offset != len(rows) + 1:
            self.simulation.violate(f"{writer} writes offset {offset} of {room}, which has {len(rows)}")
        if client_id in self.known.get(room, ()):
            self.simulation.violate(f"{client_id} is in {room} twice")

    def is_stale_reader(self, shard: int, epoch: int) -> bool:
        return self.is_stale(shard, epoch)

    def advance(self, reader: str, epoch: int, writer: str, limit: int) -> int:
        """Moves the position of the one reader past the next facts under its fence; how many. One fact a row."""
        shard = shard_of(ActorId("reader", reader))
        if self.is_stale_reader(shard, epoch):
            self.refused += 1
            raise Fenced(shard, epoch)
        if self.writers.setdefault((shard, epoch), writer) != writer:
            self.simulation.violate(f"{writer} and {self.writers[shard, epoch]} both read under epoch {epoch}")
        if epoch < self.read_under:
            self.simulation.violate(f"{writer} reads facts under epoch {epoch} after {self.read_under}")
        self.read_under = epoch
        read = min(limit, len(self.facts) - self.position)
        self.position += read
        return read

    def since(self, room: str, offset: int) -> list[TableRow]:
        return self.rooms.get(room, [])[offset:]
