"""The channel between the node and its media process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from media import channel
from media.channel import Channel, ChannelClosed
from media.control import (
    Answered,
    AuthorizePublish,
    ControlMessage,
    Drain,
    Granted,
    MediaCounters,
    Packaged,
    Patched,
    Refused,
)
from media.errors import MediaError
from media.hls.events import RunEnded

ASK = AuthorizePublish(key="k", protocol="rtmp", remote="127.0.0.1:1")
GRANT = Granted(
    stream_id="s", epoch=1, publication=1, first_segment=0, media_time_ms=0, latency="low", is_recorded=True
)


class End:
    """One end of a channel, with what it heard and how it answers."""

    def __init__(self) -> None:
        self.heard: list[ControlMessage] = []
        self.more = asyncio.Event()
        self.answer: Callable[[ControlMessage], Any] = lambda said: GRANT
        self.gate = asyncio.Event()
        self.gate.set()
        self.channel: Channel

    def handle(self, said: ControlMessage) -> None:
        self.heard.append(said)
        self.more.set()
        if isinstance(said, Drain):
            raise ValueError("on purpose")

    async def serve(self, said: ControlMessage) -> ControlMessage:
        await self.gate.wait()
        answer = self.answer(said)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.heard) < count:
                self.more.clear()
                await self.more.wait()


class Pair:
    def __init__(self) -> None:
        self.node, self.media = End(), End()

    async def open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.node.channel = await Channel.open(ours, handle=self.node.handle, serve=self.node.serve)
        self.media.channel = await Channel.open(theirs, handle=self.media.handle, serve=self.media.serve)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.open()
    yield made
    for end in (made.node, made.media):
        end.channel.close()
        await asyncio.wait_for(end.channel.closed, 30)


@pytest.fixture
async def raw() -> AsyncIterator[tuple[End, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A channel whose other end writes what it likes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    end = End()
    end.channel = await Channel.open(ours, handle=end.handle, serve=end.serve)
    reader, writer = await asyncio.open_unix_connection(sock=theirs)
    yield end, reader, writer
    writer.close()
    end.channel.close()
    await asyncio.wait_for(end.channel.closed, 30)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


async def test_notices_come_whole_and_in_order(pair: Pair) -> None:
    event = RunEnded(muxer="source", publication=1, next_segment=4, reason="x" * 100_000)
    said = [Packaged(stream_id=f"s{n}", publication=1, event=event) for n in range(50)]
    for each in said:
        pair.media.channel.tell(each)
    await pair.node.until_heard(50)
    assert pair.node.heard == said


async def test_questions_are_answered_side_by_side_each_by_its_own_answer(pair: Pair) -> None:
    pair.node.answer = lambda said: msgspec.structs.replace(GRANT, stream_id=said.key)  # type: ignore[attr-defined]
    asked = [pair.media.channel.ask(msgspec.structs.replace(ASK, key=f"k{n}"), Granted, timeout_s=5) for n in range(30)]
    answers = await asyncio.gather(*asked)
    assert [answer.stream_id for answer in answers if isinstance(answer, Granted)] == [f"k{n}" for n in range(30)]


async def test_a_refusal_is_an_answer_and_another_kind_of_answer_is_an_error(pair: Pair) -> None:
    pair.node.answer = lambda said: Refused(code="busy", message="m")
    assert await pair.media.channel.ask(ASK, Granted, timeout_s=5) == Refused(code="busy", message="m")
    pair.node.answer = lambda said: Patched()
    with pytest.raises(MediaError):
        await pair.media.channel.ask(ASK, Granted, timeout_s=5)


async def test_whoever_answers_and_fails_is_a_refusal_and_not_the_end_of_the_channel(pair: Pair) -> None:
    pair.node.answer = lambda said: ValueError("on purpose")
    answer = await pair.media.channel.ask(ASK, Granted, timeout_s=5)
    assert isinstance(answer, Refused)
    assert answer.status == 500
    pair.node.answer = lambda said: GRANT
    assert await pair.media.channel.ask(ASK, Granted, timeout_s=5) == GRANT


async def test_a_notice_that_goes_wrong_is_not_the_end_of_the_channel(pair: Pair) -> None:
    pair.media.channel.tell(Drain(budget_s=1.0))
    pair.media.channel.tell(MediaCounters(values={}))
    await pair.node.until_heard(2)
    assert not pair.node.channel.closed.done()


async def test_a_question_that_is_not_answered_in_time_is_forgotten_and_its_answer_too(pair: Pair) -> None:
    pair.node.gate.clear()
    with pytest.raises(TimeoutError):
        await pair.media.channel.ask(ASK, Granted, timeout_s=0.01)
    pair.node.gate.set()
    assert await pair.media.channel.ask(ASK, Granted, timeout_s=5) == GRANT


async def test_open_questions_hear_that_the_other_process_has_gone(pair: Pair) -> None:
    pair.node.gate.clear()
    asked = asyncio.ensure_future(pair.media.channel.ask(ASK, Granted, timeout_s=60))
    await asyncio.sleep(0)
    pair.node.channel.close()
    with pytest.raises(ChannelClosed):
        await asked
    await asyncio.wait_for(pair.media.channel.closed, 30)
    with pytest.raises(ChannelClosed):
        pair.media.channel.tell(ASK)
    with pytest.raises(ChannelClosed):
        await pair.media.channel.ask(ASK, Granted, timeout_s=5)


async def test_answers_on_their_way_are_given_up_when_the_asker_has_gone(pair: Pair) -> None:
    pair.node.gate.clear()
    asked = asyncio.ensure_future(pair.media.channel.ask(ASK, Answered, timeout_s=60))
    await asyncio.sleep(0.0)
    pair.media.channel.close()
    with pytest.raises(ChannelClosed):
        await asked
    await asyncio.wait_for(pair.node.channel.closed, 30)
    assert not pair.node.channel._tasks or all(task.cancelling() for task in pair.node.channel._tasks)


async def test_no_more_questions_than_the_bound_are_open(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_PENDING", 2)
    pair.node.gate.clear()
    asked = [asyncio.ensure_future(pair.media.channel.ask(ASK, Granted, timeout_s=60)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ChannelClosed, match="too many"):
        await asked[2]
    pair.node.gate.set()
    assert await asyncio.gather(*asked[:2]) == [GRANT, GRANT]


async def test_a_frame_in_pieces_is_a_frame(raw: tuple[End, asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    end, _, writer = raw
    body = msgspec.msgpack.encode([0, "notice", {"type": "Drain", "budget_s": 1.0}])
    body2 = msgspec.msgpack.encode([0, "notice", {"type": "MediaCounters", "values": {"a": 1.0}}])
    for byte in framed(body) + framed(body2):
        writer.write(bytes([byte]))
        await writer.drain()
    await end.until_heard(2)
    assert end.heard[1] == MediaCounters(values={"a": 1.0})


@pytest.mark.parametrize(
    "data",
    [
        framed(b"\xc1"),
        framed(b""),
        framed(msgspec.msgpack.encode([0, "notice", {"type": "Nothing"}])),
        framed(msgspec.msgpack.encode([0, "shout", {"type": "Drain", "budget_s": 1.0}])),
        (channel.MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
    ],
)
async def test_what_makes_no_sense_closes_the_channel_and_nothing_after_it_is_heard(
    raw: tuple[End, asyncio.StreamReader, asyncio.StreamWriter], data: bytes
) -> None:
    end, reader, writer = raw
    good = framed(msgspec.msgpack.encode([0, "notice", {"type": "MediaCounters", "values": {}}]))
    writer.write(data + good)
    assert await asyncio.wait_for(reader.read(), 30) == b""
    await asyncio.wait_for(end.channel.closed, 30)
    assert end.heard == []


async def test_an_answer_that_nobody_asked_for_is_passed_over(
    raw: tuple[End, asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    end, _, writer = raw
    writer.write(framed(msgspec.msgpack.encode([77, "answer", {"type": "Patched"}])))
    writer.write(framed(msgspec.msgpack.encode([0, "notice", {"type": "MediaCounters", "values": {}}])))
    await end.until_heard(1)


async def test_a_peer_that_does_not_read_is_given_up_before_memory_is(
    raw: tuple[End, asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    end, _, writer = raw
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    end.channel._max_buffer = 1_000_000
    big = Refused(code="x", message="y" * 100_000)

    def tell_much() -> None:
        for _ in range(100):
            end.channel.tell(big)

    with pytest.raises(ChannelClosed, match="read"):
        tell_much()
    await asyncio.wait_for(end.channel.closed, 30)
