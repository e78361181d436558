"""More hands at the door while there is a queue, and none when there is not."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from server.live.edge.door import Door
from tests.server.live.edge.serving import eventually

pytestmark = pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="the length of the queue is Linux's to tell")


class Guest(asyncio.Protocol):
    came = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Guest.came += 1
        transport.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    Guest.came = 0
    door = Door(protocol=Guest)
    await door.open(host="127.0.0.1")
    yield door
    door.close()


def _arrive(door: Door, count: int) -> list[socket.socket]:
    """Without a turn of the loop, so that they wait."""
    found = []
    for _ in range(count):
        each = socket.socket()
        each.connect(door.addresses[0])
        found.append(each)
    return found


async def _until_in(count: int) -> None:
    await eventually(lambda: Guest.came >= count)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_queue_calls_for_more_hands_and_its_end_lets_them_go(door: Door) -> None:
    before = _descriptors()
    waiting = _arrive(door, 40)
    door.look(1.0)
    await asyncio.sleep(0)
    assert door.is_crowded
    await _until_in(40)
    door.look(1.5)
    assert door.is_crowded, "a pause is not the end"
    door.look(2.1)
    assert not door.is_crowded
    waiting += _arrive(door, 1)
    await _until_in(41)
    for each in waiting:
        each.close()
    await eventually(lambda: _descriptors() == before)


async def test_whoever_comes_alone_calls_for_none(door: Door) -> None:
    waiting = []
    for number in range(20):
        waiting += _arrive(door, 1)
        door.look(1.0 + number / 100)
        await _until_in(number + 1)
        assert not door.is_crowded
    for each in waiting:
        each.close()


async def test_a_crowd_that_comes_again_finds_hands_again(door: Door) -> None:
    for turn in range(1, 4):
        waiting = _arrive(door, 20)
        door.look(turn * 10.0)
        await asyncio.sleep(0)
        assert door.is_crowded
        await _until_in(turn * 20)
        door.look(turn * 10.0 + 1.1)
        assert not door.is_crowded
        for each in waiting:
            each.close()


async def test_closed_while_more_hands_are_called(door: Door) -> None:
    address = door.addresses[0]
    waiting = _arrive(door, 40)
    door.look(1.0)
    door.close()
    await asyncio.sleep(0)
    assert not door.is_crowded
    with pytest.raises(ConnectionRefusedError), socket.socket() as late:
        late.connect(address)
    for each in waiting:
        each.close()


async def test_a_socket_that_is_bound_already() -> None:
    Guest.came = 0
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    door = Door(protocol=Guest)
    await door.open(sock=bound)
    assert door.addresses == [bound.getsockname()]
    waiting = _arrive(door, 30)
    door.look(1.0)
    await _until_in(30)
    assert door.is_crowded
    door.close()
    for each in waiting:
        each.close()
