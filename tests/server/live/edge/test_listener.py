"""More hands at the door while there is a queue, and none when there is not."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Self

import pytest
import uvloop

from server.live.edge.listener import Listener
from tests.server.live.edge.conftest import Serve
from tests.server.live.edge.serving import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the length of the queue is Linux's to tell")


class Guest(asyncio.Protocol):
    came = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Guest.came += 1
        transport.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    Guest.came = 0
    listener = Listener(protocol=Guest)
    await listener.open(host="127.0.0.1")
    yield listener
    listener.close()


def _arrive(listener: Listener, count: int) -> list[socket.socket]:
    """Without a turn of the loop, so that they wait."""
    found = []
    for _ in range(count):
        each = socket.socket()
        each.connect(listener.addresses[0])
        found.append(each)
    return found


async def _until_in(count: int) -> None:
    await eventually(lambda: Guest.came >= count)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_queue_calls_for_more_hands_and_its_end_lets_them_go(listener: Listener) -> None:
    before = _descriptors()
    waiting = _arrive(listener, 40)
    listener.look(1.0)
    await asyncio.sleep(0)
    assert listener.is_crowded
    await _until_in(40)
    listener.look(1.5)
    assert listener.is_crowded, "a pause is not the end"
    listener.look(2.1)
    assert not listener.is_crowded
    waiting += _arrive(listener, 1)
    await _until_in(41)
    for each in waiting:
        each.close()
    await eventually(lambda: _descriptors() == before)


async def test_whoever_comes_alone_calls_for_none(listener: Listener) -> None:
    waiting = []
    for number in range(20):
        waiting += _arrive(listener, 1)
        listener.look(1.0 + number / 100)
        await _until_in(number + 1)
        assert not listener.is_crowded
    for each in waiting:
        each.close()


async def test_a_crowd_that_comes_again_finds_hands_again(listener: Listener) -> None:
    for turn in range(1, 4):
        waiting = _arrive(listener, 20)
        listener.look(turn * 10.0)
        await asyncio.sleep(0)
        assert listener.is_crowded
        await _until_in(turn * 20)
        listener.look(turn * 10.0 + 1.1)
        assert not listener.is_crowded
        for each in waiting:
            each.close()


async def test_a_turn_of_the_loop_takes_in_many(listener: Listener) -> None:
    waiting = _arrive(listener, 60)
    for _ in range(3):
        await asyncio.sleep(0)
    alone = Guest.came
    assert alone <= 3, "one listening socket takes one in each turn"
    listener.look(1.0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert Guest.came > alone + 15
    for each in waiting:
        each.close()


async def test_one_who_waits_now_and_then_keeps_no_hands(listener: Listener) -> None:
    waiting = _arrive(listener, 20)
    listener.look(1.0)
    await _until_in(20)
    waiting += _arrive(listener, 1)
    listener.look(1.9)
    await _until_in(21)
    listener.look(2.1)
    assert not listener.is_crowded
    for each in waiting:
        each.close()


async def test_without_descriptors_there_are_no_more_hands_and_no_haste_to_get_any(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Queue(socket.socket):
        def dup(self) -> Self:
            asked.append(1)
            if len(asked) > 4:
                raise OSError(errno.EMFILE, "too many open files")
            return super().dup()

    listener._queues = [Queue(fileno=queue.detach()) for queue in listener._queues]
    waiting = _arrive(listener, 20)
    for at in (1.0, 1.1, 1.2):
        listener.look(at)
        await asyncio.sleep(0)
        assert not listener.is_crowded
    assert len(asked) == 5
    await _until_in(20)
    for each in waiting:
        each.close()


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.SelectorEventLoop])
def test_closed_while_more_hands_are_called(new_loop: Callable[[], asyncio.AbstractEventLoop], turns: int) -> None:
    async def close_early() -> None:
        listener = Listener(protocol=Guest)
        await listener.open(host="127.0.0.1")
        address = listener.addresses[0]
        waiting = _arrive(listener, 40)
        listener.look(1.0)
        for _ in range(turns):
            await asyncio.sleep(0)
        listener.close()
        await asyncio.sleep(0)
        for each in waiting:
            each.close()
        with pytest.raises(ConnectionRefusedError), socket.socket() as late:
            late.connect(address)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(close_early())


async def test_a_door_that_cannot_be_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    address = None

    def no_more(number: int) -> int:
        nonlocal address
        with socket.socket(fileno=dup(number)) as found:
            address = found.getsockname()
        raise OSError(errno.EMFILE, "too many open files")

    dup = os.dup
    monkeypatch.setattr(os, "dup", no_more)
    with pytest.raises(OSError, match="too many"):
        await Listener(protocol=Guest).open(host="127.0.0.1")
    assert address is not None
    with pytest.raises(ConnectionRefusedError), socket.socket() as late:
        late.connect(address)


async def test_those_who_queue_before_an_edge_are_taken_in_by_more_hands(serve: Serve) -> None:
    edge = (await serve()).edge
    listener = edge.server._listener
    assert listener is not None
    waiting = _arrive(listener, 60)
    time.sleep(2 * edge.server.sessions.wheel.tick_s)  # noqa: ASYNC251  (a loop that is busy is how queues come about)
    await eventually(lambda: listener.is_crowded)
    for each in waiting:
        each.close()


async def test_a_socket_that_is_bound_already() -> None:
    Guest.came = 0
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    listener = Listener(protocol=Guest)
    await listener.open(sock=bound)
    assert listener.addresses == [bound.getsockname()]
    waiting = _arrive(listener, 30)
    listener.look(1.0)
    await _until_in(30)
    assert listener.is_crowded
    listener.close()
    for each in waiting:
        each.close()
