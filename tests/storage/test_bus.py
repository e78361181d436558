"""The bus over a real Redis: what is sent arrives once and in order, and an outage is said at once and healed."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.runtime import LoopClock, Unavailable
from storage.bus import Bus
from storage.bus_entry import VERSION, BusEntry
from storage.embedded.redis import EmbeddedRedis
from storage.members import Keys
from storage.outbox import ENTRY_BYTES, OutboxLimits
from storage.redis import Redis
from storage.redis_streams import RedisStreams

KEYS = Keys.of("test")


class Fixed:
    """``Peers`` that never change; strangers are none of its business."""

    def __init__(self, names: str, reads: Callable[[str], int] = lambda _: VERSION) -> None:
        self._names = names
        self.reads = reads

    def knows(self, node: str) -> bool:
        return node in self._names

    def meet(self, node: str) -> None:
        pass


class Ear:
    """One end, and all that it has heard."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.frames: list[bytes] = []
        self.signals: list[tuple[str, bytes]] = []
        self.link = bus.attach(bus.name, self.frames.append)


class Line:
    """Buses over one Redis, each with connections of its own."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url
        self._stack = stack
        self.clock = LoopClock()

    async def ear(
        self, name: str, *, incarnation: str = "1", reads: Callable[[str], int] = lambda _: VERSION, **options: Any
    ) -> Ear:
        writer, reader = await Redis.connect(self._url), await Redis.connect(self._url, max_connections=1)
        heard: list[Ear] = []
        bus = Bus(
            name=name,
            incarnation=incarnation,
            keys=KEYS,
            streams=RedisStreams(writer=writer, reader=reader),
            clock=self.clock,
            peers=Fixed("abc", reads),
            on_signal=lambda sender, data: heard[0].signals.append((sender, data)),
            **options,
        )
        heard.append(Ear(bus))
        bus.start()
        for close in (writer.close, reader.close, bus.stop):
            self._stack.push_async_callback(close)
        return heard[0]


async def until(holds: Callable[[], object], *, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.005)


def written(**changes: Any) -> bytes:
    """An entry as another node writes it."""
    fields = {"version": VERSION, "sender": "z", "incarnation": "1", "sequence": 1, "kind": 0, "items": [b"x"]}
    return msgspec.msgpack.encode(BusEntry(**{**fields, **changes}))


async def put(redis: Redis, *entries: bytes) -> None:
    for data in entries:
        await redis.command("XADD", KEYS.inbox("a"), "*", "m", data)


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        yield Line(redis_url, stack)


@pytest.fixture
async def own_engine() -> AsyncIterator[EmbeddedRedis]:
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        await asyncio.to_thread(engine.start)
        yield engine
        engine.stop()


@pytest.fixture
async def own_line(own_engine: EmbeddedRedis) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        yield Line(await asyncio.to_thread(own_engine.start), stack)


async def test_frames_arrive_once_and_in_order(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    sent = [b"%d" % number for number in range(5_000)]
    for frame in sent:
        a.link.send("b", frame)
        if len(frame) == 3:
            await asyncio.sleep(0)
    await until(lambda: len(b.frames) == len(sent))
    assert b.frames == sent


async def test_frames_of_one_tick_travel_in_one_entry(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    await until(lambda: b.bus.counters.entries_in)
    before = b.bus.counters.entries_in
    for _ in range(100):
        a.link.send("b", b"frame")
    await until(lambda: len(b.frames) == 100)
    assert b.bus.counters.entries_in - before <= 2  # a ping of its own may fall between


async def test_a_tick_of_many_bytes_is_cut_into_entries_and_a_large_frame_travels_alone(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    sent = [bytes([number]) * (ENTRY_BYTES // 3) for number in range(7)] + [b"L" * (ENTRY_BYTES * 3), b"end"]
    for frame in sent:
        a.link.send("b", frame)
    await until(lambda: len(b.frames) == len(sent))
    assert b.frames == sent
    assert a.bus.counters.entries_out >= 5


async def test_a_signal_keeps_its_place_among_the_frames(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    order: list[object] = []
    b.bus.attach("b", order.append)
    b.signals = order  # type: ignore[assignment]
    a.link.send("b", b"first")
    a.bus.signal("b", b"then")
    a.link.send("b", b"last")
    await until(lambda: len(order) == 3)
    assert order == [b"first", ("a", b"then"), b"last"]


async def test_a_repeated_entry_is_taken_once(line: Line, redis: Redis) -> None:
    a = await line.ear("a")
    await put(redis, written(), written(), written(sequence=2, items=[b"y"]), written())
    await until(lambda: a.bus.counters.duplicates == 2)
    assert a.frames == [b"x", b"y"]


async def test_a_sender_that_began_anew_is_heard_from_its_first_entry(line: Line, redis: Redis) -> None:
    a = await line.ear("a")
    await put(redis, written(sequence=9), written(incarnation="2", sequence=1, items=[b"y"]))
    await until(lambda: len(a.frames) == 2)
    assert (a.bus.counters.duplicates, a.bus.counters.gaps) == (0, 0)


async def test_a_missing_entry_is_counted(line: Line, redis: Redis) -> None:
    a = await line.ear("a")
    await put(redis, written(), written(sequence=5))
    await until(lambda: len(a.frames) == 2)
    assert a.bus.counters.gaps == 3


@pytest.mark.parametrize(
    "bad",
    [b"", b"\xc1", b"\x93\x01\x02", written(version=VERSION + 1), written(kind=7), msgspec.msgpack.encode({"a": 1})],
)
async def test_an_entry_that_cannot_be_read_is_kept_aside_and_skipped(line: Line, redis: Redis, bad: bytes) -> None:
    a = await line.ear("a")
    await put(redis, bad, written(items=[b"after"]))
    await until(lambda: a.frames)
    assert a.frames == [b"after"]
    assert a.bus.counters.unreadable == 1
    assert a.bus.unread[0].data == bad


async def test_an_entry_with_fields_of_a_later_release_is_read(line: Line, redis: Redis) -> None:
    a = await line.ear("a")
    await put(redis, msgspec.msgpack.encode([VERSION, "z", "1", 1, 0, [b"x"], "something new"]))
    await until(lambda: a.frames == [b"x"])


async def test_a_node_is_written_to_in_the_newest_version_that_both_know(line: Line, redis: Redis) -> None:
    newest = {"a": VERSION + 1, "b": VERSION, "c": VERSION + 2}
    a, b = [await line.ear(name, version=newest[name], reads=newest.__getitem__) for name in "ab"]
    a.link.send("b", b"from the next version")
    b.link.send("a", b"from this version")
    a.link.send("c", b"to a version after the next")
    await until(lambda: a.frames and b.frames)
    assert (a.frames, b.frames) == ([b"from this version"], [b"from the next version"])
    assert (a.bus.counters.unreadable, b.bus.counters.unreadable) == (0, 0)
    [(_, fields)] = await redis.command("XRANGE", KEYS.inbox("c"), "-", "+")
    assert msgspec.msgpack.decode(fields[1], type=BusEntry).version == VERSION + 1


async def test_a_receiver_that_raises_does_not_end_the_reading(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")

    def receive(frame: bytes) -> None:
        if frame == b"bad":
            raise ValueError("on purpose")
        b.frames.append(frame)

    b.bus.attach("b", receive)
    for frame in (b"bad", b"good"):  # of one entry
        a.link.send("b", frame)
    await until(lambda: b.frames == [b"good"])
    a.link.send("b", b"later")
    await until(lambda: b.frames == [b"good", b"later"])


async def test_a_node_that_is_no_peer_is_refused_at_once(line: Line) -> None:
    a = await line.ear("a")
    with pytest.raises(Unavailable) as caught:
        a.link.send("stranger", b"x")
    assert caught.value.retry_after_s


async def test_a_full_queue_refuses_and_what_it_took_arrives(line: Line) -> None:
    a, b = await line.ear("a", limits=OutboxLimits(most_frames=10)), await line.ear("b")
    for _ in range(10):
        a.link.send("b", b"x")
    with pytest.raises(Unavailable, match="too far behind"):
        a.link.send("b", b"x")
    await until(lambda: len(b.frames) == 10)


async def test_a_queue_is_bounded_by_bytes_too(line: Line) -> None:
    a = await line.ear("a", limits=OutboxLimits(most_bytes=100))
    a.link.send("b", b"x" * 60)
    with pytest.raises(Unavailable):
        a.link.send("b", b"x" * 60)


async def test_what_waits_at_the_stop_is_still_written(line: Line) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    a.link.send("b", b"last words")
    await a.bus.stop()
    await until(lambda: b.frames == [b"last words"])
    with pytest.raises(Unavailable):
        a.link.send("b", b"too late")


async def test_what_was_read_is_forgotten_in_redis(line: Line, redis: Redis) -> None:
    a = await line.ear("a")
    for number in range(400):
        await redis.command("XADD", KEYS.inbox("a"), "*", "m", written(sequence=number + 1))
    await until(lambda: len(a.frames) == 400)
    async with asyncio.timeout(30):
        while await redis.command("XLEN", KEYS.inbox("a")) > 150:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_after_a_flush_of_redis_frames_arrive_again(line: Line, redis: Redis) -> None:
    a, b = await line.ear("a"), await line.ear("b")
    a.link.send("b", b"before")
    await until(lambda: b.frames)
    await redis.command("FLUSHALL")
    a.link.send("b", b"after")
    await until(lambda: b.frames == [b"before", b"after"])


async def test_an_inbox_that_begins_anew_below_the_last_id_is_read_from_its_beginning(own_line: Line) -> None:
    a = await own_line.ear("a")
    far = await Redis.connect(own_line._url)
    await far.command("XADD", KEYS.inbox("a"), "99999999999999-1", "m", written())
    await until(lambda: a.frames)
    await far.command("DEL", KEYS.inbox("a"))
    await put(far, written(sequence=2, items=[b"again"]))
    await until(lambda: a.frames == [b"x", b"again"])
    assert not a.bus.is_deaf
    await far.close()


async def test_while_redis_is_gone_sending_is_refused_and_it_heals_when_redis_is_back(
    own_engine: EmbeddedRedis, own_line: Line
) -> None:
    told: list[bool] = []
    a, b = await own_line.ear("a", on_away=lambda: told.append(a.bus.is_away)), await own_line.ear("b")
    a.link.send("b", b"before")
    await until(lambda: b.frames)
    os.kill(own_engine.pid, signal.SIGKILL)
    await until(lambda: a.bus.is_away and b.bus.is_away)
    assert told == [True], "once, so that what is under way can be refused"
    with pytest.raises(Unavailable) as caught:
        a.link.send("b", b"meanwhile")
    assert caught.value.retry_after_s
    assert not a.bus.is_deaf
    await asyncio.to_thread(own_engine.start)
    await until(lambda: not a.bus.is_away and not b.bus.is_away)
    a.link.send("b", b"after")
    await until(lambda: b.frames == [b"before", b"after"])


async def test_what_was_taken_before_a_short_pause_of_redis_arrives_once(
    own_engine: EmbeddedRedis, own_line: Line
) -> None:
    a, b = await own_line.ear("a"), await own_line.ear("b")
    a.link.send("b", b"before")
    await until(lambda: b.frames)
    os.kill(own_engine.pid, signal.SIGSTOP)
    a.link.send("b", b"during")
    await until(lambda: a.bus.is_away)
    os.kill(own_engine.pid, signal.SIGCONT)
    await until(lambda: not a.bus.is_away)
    a.link.send("b", b"after")
    await until(lambda: b"after" in b.frames)
    assert b.frames == [b"before", b"during", b"after"]


class Muffled(RedisStreams):
    """Real streams whose reader hangs for as long as it is muffled, as a half-open connection does."""

    is_muffled = False

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        if self.is_muffled:
            await asyncio.Event().wait()
        return await super().read(stream, after, count=count, block_s=block_s)


async def test_a_reader_gone_deaf_is_noticed_and_heals(redis_url: str) -> None:
    writer, reader = await Redis.connect(redis_url), await Redis.connect(redis_url, max_connections=1)
    streams = Muffled(writer=writer, reader=reader)
    bus = Bus(
        name="a", incarnation="1", keys=KEYS, streams=streams, clock=LoopClock(),
        peers=Fixed("a"), on_signal=lambda *_: None,
    )  # fmt: skip
    bus.start()
    await until(lambda: bus.counters.entries_in)
    streams.is_muffled = True
    await until(lambda: bus.is_deaf, within_s=30)
    streams.is_muffled = False
    await until(lambda: not bus.is_deaf, within_s=30)
    await bus.stop()
    await writer.close()
    await reader.close()
