"""What the tests talk to the endpoints with: a publication onto a real relay, and WebRTC peers of another make."""

from __future__ import annotations

import array
import asyncio
import fractions
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import av
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from media.relay import Relay
from media.unit import Track, Unit
from media.webrtc.port import RtcPort
from media.webrtc.whep import WhepEndpoint
from media.webrtc.whip import WhipEndpoint

WAIT_S = 20


class RelayPublication:
    """A publication that writes to one relay and remembers how it ended."""

    def __init__(self, *, media_time_ms: int = 0) -> None:
        self.media_time_ms = media_time_ms
        self.relay = Relay()
        self.units: list[Unit] = []
        self.configured: list[tuple[Track, ...]] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.stop: Callable[[str], None] = lambda _: None
        self.want_keyframe: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()

    def configure(self, tracks: Sequence[Track]) -> None:
        self.configured.append(tuple(tracks))
        self.relay.configure(tracks)

    def write(self, unit: Unit) -> None:
        self.units.append(unit)
        self.relay.write(unit)
        self._changed.set()

    def warn(self, name: str) -> None:
        """Nobody reads it."""

    def close(self, reason: str) -> None:
        self.relay.close(reason)
        if not self.closed.done():
            self.closed.set_result(reason)

    def on_stop(self, stop: Callable[[str], None]) -> None:
        self.stop = stop

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """There is one track of pictures."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """There is one track of pictures."""

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        self.want_keyframe = want

    def count(self, kind: str, *, keys: bool = False) -> int:
        return sum(unit.kind == kind and (unit.is_key or not keys) for unit in self.units)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Pattern(MediaStreamTrack):
    """Moving stripes at 30 frames a second."""

    kind = "video"

    def __init__(self, *, width: int = 320, height: int = 240, fps: int = 30) -> None:
        super().__init__()
        self._size = (height, width)
        self._fps = fps
        self._count = 0
        self._began: float | None = None

    async def recv(self) -> av.VideoFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0, self._began + self._count / self._fps - loop.time()))
        height, width = self._size
        frame = av.VideoFrame(width, height, "yuv420p")
        row = bytes(200 if (x + 4 * self._count) % 64 < 32 else 20 for x in range(width))
        for plane, value in zip(frame.planes, (None, 128, 128), strict=True):
            line = row if value is None else bytes((value,)) * (width // 2)
            plane.update(line.ljust(plane.line_size, b"\0") * plane.height)
        frame.pts, frame.time_base = self._count * 90_000 // self._fps, fractions.Fraction(1, 90_000)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A quiet tone in packets of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0, self._began + self._count * 0.02 - loop.time()))
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        tone = (int(3_000 * math.sin(2 * math.pi * 440 * (960 * self._count + i) / 48_000)) for i in range(960))
        frame.planes[0].update(array.array("h", [sample for value in tone for sample in (value, value)]).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * self._count, fractions.Fraction(1, 48_000)
        self._count += 1
        return frame


def prefer(peer: RTCPeerConnection, *names: str) -> None:
    """Offer only these video codecs."""
    for transceiver in peer.getTransceivers():
        if transceiver.kind == "video":
            codecs = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([c for c in codecs if c.mimeType.split("/")[1] in names])


async def offer_of(peer: RTCPeerConnection) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    return str(peer.localDescription.sdp)


async def take_answer(peer: RTCPeerConnection, answer: str) -> None:
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))


def publisher(*, video: bool = True, audio: bool = True, codecs: tuple[str, ...] = ("H264",)) -> RTCPeerConnection:
    peer = RTCPeerConnection()
    if audio:
        peer.addTransceiver(Tone(), direction="sendonly")
    if video:
        peer.addTransceiver(Pattern(), direction="sendonly")
        prefer(peer, *codecs)
    return peer


class Player:
    """A viewer that decodes what it gets."""

    def __init__(self, *, video: bool = True, audio: bool = True, codecs: tuple[str, ...] = ("H264",)) -> None:
        self.peer = RTCPeerConnection()
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.peer.on("track", self._on_track)
        if audio:
            self.peer.addTransceiver("audio", direction="recvonly")
        if video:
            self.peer.addTransceiver("video", direction="recvonly")
            prefer(self.peer, *codecs)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self.tracks[track.kind] = track

    async def frames(self, kind: str, count: int) -> list[av.VideoFrame | av.AudioFrame]:
        async with asyncio.timeout(WAIT_S):
            return [await self.tracks[kind].recv() for _ in range(count)]


class Stage:
    """A port with both endpoints on it."""

    def __init__(self, port: RtcPort, *, whip: WhipEndpoint, whep: WhepEndpoint, left: asyncio.Queue[tuple[str, str]]):
        self.port = port
        self.whip = whip
        self.whep = whep
        self.left = left
        self._peers: list[RTCPeerConnection] = []

    async def publish(self, peer: RTCPeerConnection, *, resource_id: str = "p1") -> RelayPublication:
        publication = RelayPublication()
        self._peers.append(peer)
        offer = await offer_of(peer)
        await take_answer(peer, await self.whip.offer(sdp=offer, publication=publication, resource_id=resource_id))
        return publication

    async def watch(self, player: Player, publication: RelayPublication, *, resource_id: str = "v1") -> str:
        self._peers.append(player.peer)
        offer = await offer_of(player.peer)
        answer = await self.whep.offer(
            sdp=offer, relay=publication.relay, resource_id=resource_id, want_keyframe=publication.want_keyframe
        )
        await take_answer(player.peer, answer)
        return answer

    async def close(self) -> None:
        for peer in self._peers:
            await peer.close()


@asynccontextmanager
async def stage(
    *, addresses: Sequence[str] = (), has_tcp: bool = False, viewer_idle_after_s: float = 20.0, **whip: float
) -> AsyncIterator[Stage]:
    port = await RtcPort.open(addresses=addresses, has_tcp=has_tcp)
    left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    whep = WhepEndpoint(
        port=port, on_viewer_left=lambda who, why: left.put_nowait((who, why)), idle_after_s=viewer_idle_after_s
    )
    made = Stage(port, whip=WhipEndpoint(port=port, **whip), whep=whep, left=left)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()
        await made.whip.close()
        await whep.close()
        await port.close()
