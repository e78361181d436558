"""WebRTC over TCP: frames, strangers, slow readers. A browser without UDP is in ``test_browser``."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice import stun as other
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import port as webrtc_port
from media.webrtc import tcp
from media.webrtc.port import RtcPort
from media.webrtc.tcp import Deframer, FrameTooLong, TcpPath
from tests.media.webrtc.clients import RelayPublication, Stage, stage
from tests.media.webrtc.offers import AUDIO, offer
from tests.media.webrtc.test_stun import check

REMOTE = "remote1"


def framed(datagram: bytes) -> bytes:
    return len(datagram).to_bytes(2, "big") + datagram


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_frames_are_the_same_however_they_arrive(datagrams: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(framed(datagram) for datagram in datagrams)
    frames, got = Deframer(), list[bytes]()
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        got += frames.push(whole[:size], longest=40)
        whole = whole[size:]
    assert got == datagrams


def test_a_frame_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(FrameTooLong):
        Deframer().push(b"\xff\xff", longest=1_500)


class Peer:
    """One connection from outside."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, *datagrams: bytes) -> None:
        self.writer.write(b"".join(map(framed, datagrams)))

    async def receive(self) -> bytes:
        async with asyncio.timeout(30):
            return await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(2), "big"))

    async def is_ended_without_an_answer(self) -> bool:
        try:
            async with asyncio.timeout(30):
                return await self._reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def offered() -> AsyncIterator[tuple[Stage, bytes]]:
    """A stage over TCP with a publisher whose offer was answered, and its signed check."""
    async with stage(addresses=["127.0.0.1"], has_tcp=True) as made:
        answer = await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="p")
        yield made, signed(answer)


def signed(answer: str, *, password: str = "") -> bytes:
    found = dict(re.findall(r"a=(ice-ufrag|ice-pwd):(\S+)", answer))
    return check(username=f"{found['ice-ufrag']}:{REMOTE}", password=password or found["ice-pwd"])


async def connected(made: Stage) -> Peer:
    return Peer(*await asyncio.open_connection(*made.port.tcp_candidates[0]))


async def test_candidates_over_tcp_come_last_and_are_passive() -> None:
    async with offered() as (made, _):
        answer = await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="q")
        lines = [line for line in answer.split("\r\n") if line.startswith("a=candidate")]
        assert [line.split()[2] for line in lines] == ["udp", "tcp"]
        assert lines[-1].endswith("typ host tcptype passive")
        udp, over_tcp = (int(line.split()[3]) for line in lines)
        assert udp > over_tcp


async def test_a_signed_check_is_answered_and_the_connection_ends_with_its_session() -> None:
    async with offered() as (made, mine):
        peer = await connected(made)
        peer.send(mine)
        answer = other.parse_message(await peer.receive())
        assert answer.message_class == other.Class.RESPONSE
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == peer.writer.get_extra_info("sockname")
        theirs = signed(await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="q"))
        dropped = made.port.dropped_datagrams
        peer.send(theirs, b"\x80", check(), b"", mine)
        assert other.parse_message(await peer.receive()).transaction_id == answer.transaction_id
        assert made.port.dropped_datagrams == dropped + 3, "another session's, a stranger's, an empty one"
        await made.whip.delete("p")
        assert await peer.is_ended_without_an_answer()
        assert made.port.tcp.connections == 0


@pytest.mark.parametrize(
    "sent",
    [
        framed(b""), framed(b"\x16" * 40), framed(b"\x80\x60" + bytes(30)), framed(check()), b"\xff\xff",
        (1_501).to_bytes(2, "big"), b"GET / HTTP/1.1\r\n\r\n", b"wrong password",
    ],
    ids=["empty", "hello", "rtp", "another", "longest", "long", "http", "password"],
)  # fmt: skip
async def test_a_stranger_is_ended_at_the_first_frame_without_an_answer(sent: bytes) -> None:
    async with offered() as (made, mine):
        if sent == b"wrong password":
            answer = await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="q")
            sent = framed(signed(answer, password="another password"))
        peer = await connected(made)
        peer.writer.write(sent + framed(mine))
        assert await peer.is_ended_without_an_answer()
        assert (made.port.tcp.connections, made.port.tcp.totals.refused) == (0, 1)


async def test_who_says_nothing_is_ended_and_too_many_cost_the_oldest_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "MAX_STRANGERS_OF_ADDRESS", 3)
    async with offered() as (made, mine):
        known = await connected(made)
        known.send(mine)
        await known.receive()
        peers = [await connected(made) for _ in range(5)]
        for ended in peers[:2]:
            assert await ended.is_ended_without_an_answer()
        assert made.port.tcp.connections == 4
        peers[-1].send(mine)
        await peers[-1].receive()
        monkeypatch.setattr(tcp, "STRANGER_S", 0.0)
        late = await connected(made)
        assert await late.is_ended_without_an_answer()
        known.send(mine)
        assert await known.receive(), "those of sessions stay"


async def test_no_more_connections_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_CONNECTIONS", 1)
    async with offered() as (made, mine):
        first = await connected(made)
        first.send(mine)
        await first.receive()
        assert await (await connected(made)).is_ended_without_an_answer()


async def test_a_port_that_is_taken_leaves_udp_alone(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        port = await RtcPort.open(port=number, addresses=["127.0.0.1"], has_tcp=True)
    assert (port.candidates, port.tcp_candidates) == ((("127.0.0.1", number),), ())
    assert "no WebRTC over TCP" in caplog.text
    await port.close()


async def test_where_any_number_will_do_one_is_found_that_is_free_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[socket.socket] = []
    listening_on_tcp = webrtc_port._listening_on_tcp

    def taken_twice(host: str, number: int) -> socket.socket:
        if len(others) < 2:
            others.append(listening_on_tcp(host, number))
        return listening_on_tcp(host, number)

    monkeypatch.setattr(webrtc_port, "_listening_on_tcp", taken_twice)
    port = await RtcPort.open(addresses=["127.0.0.1"], has_tcp=True)
    assert port.tcp_candidates == port.candidates
    assert port.candidates[0][1] not in [sock.getsockname()[1] for sock in others]
    await port.close()
    for sock in others:
        sock.close()


class Transport:
    """A peer that takes nothing: what is written waits."""

    def __init__(self) -> None:
        self.waiting = 0
        self.ended = ""

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return ("192.0.2.1", 5)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return bool(self.ended)

    def write(self, data: bytes) -> None:
        self.waiting += len(data)

    def abort(self) -> None:
        self.ended = "aborted"

    def close(self) -> None:
        self.ended = "closed"


def test_a_slow_reader_loses_packets_is_bounded_and_then_dropped() -> None:
    now, transport = 0.0, Transport()
    path = TcpPath(transport, lambda: now)  # type: ignore[arg-type]
    for _ in range(1_000):
        path.send_runs([b"head"] * 4, [bytes(1_200)] * 4, [(0, 4)])
    assert tcp.MAX_WAITING_BYTES <= transport.waiting < tcp.MAX_WAITING_BYTES + 5_000
    assert path.dropped + transport.waiting // (4 * 1_206) * 4 == 4_000
    transport.waiting = 0
    now = 100.0
    path.send(b"x" * 9)
    assert transport.waiting == 11, "it reads again"
    transport.waiting = tcp.MAX_WAITING_BYTES
    for at in (200.0, 200.0 + tcp.SLOW_S / 2):
        now = at
        path.send(b"x")
    assert not transport.ended
    now = 201.0 + tcp.SLOW_S
    path.send(b"x")
    assert transport.ended == "aborted"
