"""What does one more WebRTC viewer cost? CPU per packet per viewer, beside a general-purpose sender of coded packets.

The viewers are in a process of their own and do next to nothing: they handshake, answer checks and count datagrams.
Both senders get the same stream, 720p30 of 1.5 Mbit/s with Opus, in real time; only the sending process is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import fractions
import hmac
import multiprocessing
import os
import secrets
import selectors
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from bench import report
from bench.report import Better, Figure, figure
from media.relay import Relay
from media.unit import VIDEO_TIMESCALE, Codec, Kind, Track, Unit
from media.webrtc import h264, sdp, stun
from media.webrtc.dtls import Certificate, DtlsPeer, supported_digests
from media.webrtc.port import RtcPort
from media.webrtc.whep import WhepEndpoint

_FPS = 30
_KEY_EVERY = 60
_KEY_BYTES, _FRAME_BYTES, _SOUND_BYTES = 30_000, 5_800, 160
_SPS = bytes.fromhex("6742c01fda014016e840000003004000000f03c60ca8")
_PPS = bytes.fromhex("68ce0fc8")
_PASSWORD = secrets.token_hex(16)
_READ_BYTES = 2_048
ANSWER_S, CONNECT_S = 20.0, 45.0
BAR_US, BAR_VIEWERS = 3.5, 1_500
BAR_SHARE = 0.7  # per cent of a core for a viewer
PEER = "a peer connection each"


class WhepViewer:
    """One socket that shakes hands as either kind of agent and then only counts."""

    def __init__(self, *, certificate: Certificate, is_lite: bool) -> None:
        self.packets = 0
        self.is_connected = False
        self._certificate = certificate
        self._is_lite = is_lite
        self._ufrag = secrets.token_hex(4)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self._remote: tuple[str, int] | None = None
        self._dtls: DtlsPeer | None = None

    def offer(self) -> str:
        """As a browser would, but for the lite agent."""
        sections = [
            self._section("audio", "0", 111, "a=rtpmap:111 opus/48000/2"),
            self._section(
                "video",
                "1",
                102,
                "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f;"
                "level-asymmetry-allowed=1\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli",
            ),
        ]
        lite = "a=ice-lite\r\n" if self._is_lite else ""
        return f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{lite}a=group:BUNDLE 0 1\r\n" + "".join(sections)

    def _section(self, kind: str, mid: str, payload_type: int, lines: str) -> str:
        port = self.socket.getsockname()[1]
        return (
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {payload_type}\r\nc=IN IP4 127.0.0.1\r\na=recvonly\r\na=mid:{mid}\r\n"
            f"a=rtcp-mux\r\na=ice-ufrag:{self._ufrag}\r\na=ice-pwd:{_PASSWORD}\r\n"
            f"a=fingerprint:sha-256 {self._certificate.fingerprint}\r\n"
            f"a=setup:active\r\n{lines}\r\n"
            f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\na=end-of-candidates\r\n"
        )

    def answered(self, text: str) -> None:
        answer = sdp.parse_offer(text)
        transport = answer.media[0].transport
        known = tuple((a, v) for a, v in transport.fingerprints if a in supported_digests())
        self._dtls = DtlsPeer(certificate=self._certificate, fingerprints=known, is_client=True)
        if self._is_lite:
            return
        candidates = [line.split() for line in text.split("\r\n") if line.startswith("a=candidate")]
        self._remote = next(("127.0.0.1", int(c[5])) for c in candidates if c[4] == "127.0.0.1")
        self.socket.sendto(_check(transport.ufrag, self._ufrag, transport.password), self._remote)

    def readable(self) -> None:
        """Take everything that waits."""
        while True:
            try:
                data, address = self.socket.recvfrom(_READ_BYTES)
            except BlockingIOError:
                return
            first = data[0]
            if first > 127:
                self.packets += 1
            elif first < 4:
                self._stun(data, address)
            else:
                self._handshake(data)

    def _stun(self, data: bytes, address: tuple[str, int]) -> None:
        request = stun.parse_request(data)
        if request is not None:
            self._remote = address if request.nominates or self._remote is None else self._remote
            self.socket.sendto(stun.response(request, address=address, password=_PASSWORD), address)
        if self._dtls is not None and (request is None or request.nominates):
            self._dtls.start()
            self._flush()

    def _handshake(self, data: bytes) -> None:
        if self._dtls is not None:
            self._dtls.receive(data)
            self._flush()
            self.is_connected = self._dtls.state == "connected"

    def tick(self) -> None:
        if self._dtls is not None and not self.is_connected:
            self._dtls.on_timer()
            self._flush()

    def _flush(self) -> None:
        if self._dtls is not None and self._remote is not None:
            for datagram in self._dtls.outgoing:
                self.socket.sendto(datagram, self._remote)
            self._dtls.outgoing.clear()


def _check(theirs: str, ours: str, password: str) -> bytes:
    """A nominating Binding request."""
    name = f"{theirs}:{ours}".encode()
    body = b"\0\x06" + len(name).to_bytes(2, "big") + name + bytes(-len(name) % 4) + b"\0\x25\0\0"
    head = b"\0\1" + (len(body) + 24).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + os.urandom(12)
    return head + body + b"\0\x08\0\x14" + hmac.digest(password.encode(), head + body, "sha1")


def watch(pipe: Connection, count: int, is_lite: bool) -> None:
    """The viewers' process: offers out, answers in, then packets until the pipe says stop."""
    certificate = Certificate()
    viewers = [WhepViewer(certificate=certificate, is_lite=is_lite) for _ in range(count)]
    selector = selectors.DefaultSelector()
    selector.register(pipe, selectors.EVENT_READ, None)
    for viewer in viewers:
        selector.register(viewer.socket, selectors.EVENT_READ, viewer)
        pipe.send(viewer.offer())
    waiting, is_told = list(viewers), False
    while True:
        for key, _ in selector.select(0.05):
            if key.data is not None:
                key.data.readable()
            elif (message := pipe.recv()) is None:
                pipe.send([viewer.packets for viewer in viewers])
                return
            else:
                waiting.pop(0).answered(message)
        for viewer in viewers:
            viewer.tick()
        if not is_told and all(viewer.is_connected for viewer in viewers):
            is_told = True
            pipe.send("connected")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the sending process used, `share` of a core, and the packets that arrived at all its viewers."""

    packets: int
    share: float
    cpu_s: float

    @property
    def us_per_packet(self) -> float:
        return self.cpu_s * 1e6 / max(1, self.packets)


def frame(number: int) -> tuple[bytes, bool]:
    """A made-up access unit, length-prefixed."""
    is_key = number % _KEY_EVERY == 0
    nal = (b"\x65" if is_key else b"\x41") + b"\x5a" * (_KEY_BYTES if is_key else _FRAME_BYTES)
    return h264.join_avcc([nal]), is_key


async def paced(per_second: float, seconds: float) -> AsyncIterator[int]:
    """Counts, at that rate."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
        yield number


Answer = Callable[[str], Awaitable[str]]


async def received(pipe: Connection, within_s: float) -> Any:
    """What the viewers' process says next. Raises ``TimeoutError``: a thread that waits for ever would keep this
    process from ending."""

    def receive() -> Any:
        if not pipe.poll(within_s):
            raise TimeoutError(f"the viewers' process said nothing for {within_s:.0f} s")
        return pipe.recv()

    return await asyncio.to_thread(receive)


async def connect(pipe: Connection, count: int, answer: Answer) -> None:
    for _ in range(count):
        pipe.send(await answer(await received(pipe, ANSWER_S)))
    await received(pipe, CONNECT_S)


async def _measured(pipe: Connection, play: Callable[[float], Awaitable[None]], seconds: float) -> Cost:
    await play(2.0)
    used, began = time.process_time(), time.monotonic()
    await play(seconds)
    cpu_s, wall_s = time.process_time() - used, time.monotonic() - began
    pipe.send(None)
    arrived = sum(await received(pipe, ANSWER_S))
    share = seconds / (seconds + 2.0)
    return Cost(packets=int(arrived * share), share=cpu_s / wall_s, cpu_s=cpu_s)


class MadeUpStream:
    """A relay with pictures and sound that nobody decodes. ``packets``: what each viewer is to get."""

    def __init__(self) -> None:
        self.relay = Relay()
        config = h264.H264ParameterSets((_SPS,), (_PPS,)).encode()
        self.relay.configure(
            [
                Track(kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, config=config),
                Track(kind="audio", codec=Codec.OPUS, timescale=48_000),
            ]
        )
        self.packets = 0
        self._at: dict[Kind, int] = {"video": 0, "audio": 0}

    async def play(self, seconds: float) -> None:
        """In real time; another call goes on from there."""
        await asyncio.gather(self._video(seconds), self._audio(seconds))

    async def _video(self, seconds: float) -> None:
        async for number in paced(_FPS, seconds):
            data, is_key = frame(number)
            self.packets += len(h264.packetize(h264.split_avcc(data), parameter_sets=(_SPS, _PPS) if is_key else ()))
            self._write("video", VIDEO_TIMESCALE // _FPS, is_key, data)

    async def _audio(self, seconds: float) -> None:
        async for _ in paced(50, seconds):
            self.packets += 1
            self._write("audio", 960, True, bytes(_SOUND_BYTES))

    def _write(self, kind: Kind, ticks: int, is_key: bool, data: bytes) -> None:
        pts = self._at[kind]
        self.relay.write(Unit(kind=kind, pts=pts, dts=pts, is_key=is_key, data=data, at=time.time()))
        self._at[kind] += ticks


async def ours(pipe: Connection, count: int, seconds: float) -> Cost:
    """WhepEndpoint with one relay."""
    port = await RtcPort.open(addresses=["127.0.0.1"])
    endpoint = WhepEndpoint(port=port, on_viewer_left=lambda _, __: None)
    stream = MadeUpStream()

    async def answer(offer: str) -> str:
        return await answered(endpoint, stream, offer)

    await connect(pipe, count, answer)
    try:
        return await _measured(pipe, stream.play, seconds)
    finally:
        await endpoint.close()
        await port.close()


async def answered(endpoint: WhepEndpoint, stream: MadeUpStream, offer: str) -> str:
    name = secrets.token_hex(8)
    return await endpoint.offer(sdp=offer, relay=stream.relay, resource_id=name, want_keyframe=lambda: None)


async def theirs(pipe: Connection, count: int, seconds: float) -> Cost:
    """aiortc's peer connections, one for each viewer, given the coded packets."""
    import av
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamTrack

    class Coded(MediaStreamTrack):
        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind = kind
            self.queue: asyncio.Queue[Any] = asyncio.Queue()

        async def recv(self) -> Any:
            return await self.queue.get()

    tracks: list[Coded] = []
    peers: list[Any] = []

    async def answer(offer: str) -> str:
        peer = RTCPeerConnection()
        peers.append(peer)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for kind in ("audio", "video"):
            tracks.append(Coded(kind))
            peer.addTrack(tracks[-1])
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    def write(kind: str, pts: int, data: bytes, time_base: fractions.Fraction) -> None:
        packet = av.Packet(data)
        packet.pts, packet.time_base = pts, time_base
        for track in tracks:
            if track.kind == kind:
                track.queue.put_nowait(packet)

    async def video(seconds: float) -> None:
        async for number in paced(_FPS, seconds):
            data, is_key = frame(number)
            nals = ([_SPS, _PPS] if is_key else []) + h264.split_avcc(data)
            write("video", number * 3_000, b"".join(b"\0\0\0\1" + n for n in nals), fractions.Fraction(1, 90_000))

    async def audio(seconds: float) -> None:
        async for number in paced(50, seconds):
            write("audio", number * 960, bytes(_SOUND_BYTES), fractions.Fraction(1, 48_000))

    async def play(seconds: float) -> None:
        await asyncio.gather(video(seconds), audio(seconds))

    await connect(pipe, count, answer)
    try:
        return await _measured(pipe, play, seconds)
    finally:
        for peer in peers:
            await peer.close()


def run(way: Callable[[Connection, int, float], Any], count: int, seconds: float) -> Cost:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=watch, args=(there, count, way is theirs), daemon=True)
    child.start()
    try:
        cost: Cost = asyncio.run(way(here, count, seconds))
        return cost
    finally:
        child.join(5)
        child.terminate()


def figures(mine: list[Cost], others: list[Cost], viewers: int) -> list[Figure]:
    """CPU of each packet to each viewer, of that many viewers, and how many a core could serve at that price."""
    ways: list[tuple[str, str, Better, float | None, Callable[[Cost], float]]] = [
        ("a packet to a viewer", "µs", "lower", BAR_US, lambda cost: cost.us_per_packet),
        (f"{viewers} viewers", "% of a core", "lower", BAR_SHARE * viewers, lambda cost: cost.share * 100),
        ("viewers a core", "", "higher", BAR_VIEWERS, lambda cost: viewers / cost.share),
    ]
    return [
        figure(
            "whep", name, [of(cost) for cost in mine], unit, better=better, bar=bar, peer=PEER,
            against=[of(cost) for cost in others],
        )
        for name, unit, better, bar, of in ways
    ]  # fmt: skip


def main(argv: list[str]) -> int:
    """Print one line a figure."""
    options = argparse.ArgumentParser(prog="bench whep", description=__doc__)
    options.add_argument("--viewers", type=int, default=100)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--rounds", type=int, default=1, help="in turns")
    options.add_argument("--alone", action="store_true", help="leave the other sender out")
    report.options(options)
    chosen = options.parse_args(argv)
    ways = (ours,) if chosen.alone else (ours, theirs)
    rounds = [[run(way, chosen.viewers, chosen.seconds) for way in ways] for _ in range(chosen.rounds)]
    found = figures([costs[0] for costs in rounds], [costs[1] for costs in rounds if costs[1:]], chosen.viewers)
    report.hand_over(found, chosen.json)
    return 0
