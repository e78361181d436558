"""WebRTC peers of another make (aiortc): a WHIP publisher with moving stripes and a tone, and a WHEP viewer."""

from __future__ import annotations

import array
import asyncio
import fractions
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import av
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from tests.e2e.people import Api, ApiAnswer

WIDTH, HEIGHT, FPS = 320, 240, 30


class Stripes(MediaStreamTrack):
    """Moving stripes."""

    kind = "video"
    _count = 0
    _began: float | None = None

    async def recv(self) -> av.VideoFrame:
        self._began = await _pace(self._began, self._count / FPS)
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        row = bytes(200 if (x + 4 * self._count) % 64 < 32 else 20 for x in range(WIDTH))
        for plane, value in zip(frame.planes, (None, 128, 128), strict=True):
            line = row if value is None else bytes((value,)) * (WIDTH // 2)
            plane.update(line.ljust(plane.line_size, b"\0") * plane.height)
        frame.pts, frame.time_base = self._count * 90_000 // FPS, fractions.Fraction(1, 90_000)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A quiet tone in packets of 20 ms."""

    kind = "audio"
    _count = 0
    _began: float | None = None

    async def recv(self) -> av.AudioFrame:
        self._began = await _pace(self._began, self._count * 0.02)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        tone = (int(3_000 * math.sin(2 * math.pi * 440 * (960 * self._count + i) / 48_000)) for i in range(960))
        frame.planes[0].update(array.array("h", [sample for value in tone for sample in (value, value)]).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * self._count, fractions.Fraction(1, 48_000)
        self._count += 1
        return frame


async def _pace(began: float | None, due_s: float) -> float:
    loop = asyncio.get_running_loop()
    began = began or loop.time()
    await asyncio.sleep(max(0.0, began + due_s - loop.time()))
    return began


async def offer_sdp(api: Api, path: str, sdp: str, *, key: str | None = None) -> ApiAnswer:
    headers = {"Content-Type": "application/sdp"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return await api.call("POST", path, data=sdp.encode(), headers=headers)


def without_candidates(sdp: str) -> str:
    return "\r\n".join(line for line in sdp.split("\r\n") if "candidate" not in line)


@asynccontextmanager
async def publishing(api: Api, path: str, key: str, *, hides_candidates: bool = False) -> AsyncIterator[ApiAnswer]:
    """Publish over WHIP until the block ends; the server's answer to the offer."""
    peer = RTCPeerConnection()
    try:
        peer.addTrack(Tone())
        peer.addTrack(Stripes())
        for transceiver in peer.getTransceivers():
            if transceiver.kind == "video":
                codecs = RTCRtpSender.getCapabilities("video").codecs
                transceiver.setCodecPreferences([codec for codec in codecs if codec.name == "H264"])
        await peer.setLocalDescription(await peer.createOffer())
        sdp = peer.localDescription.sdp.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")
        answer = await offer_sdp(api, path, without_candidates(sdp) if hides_candidates else sdp, key=key)
        assert answer.status == 201, f"{answer.status} {answer.text}"
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        yield answer
    finally:
        await peer.close()


class Viewer:
    """A WHEP viewer: ``frames`` by kind, decoded."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection()
        self.frames: dict[str, list[Any]] = {"video": [], "audio": []}
        self.answer: ApiAnswer
        self._tasks: list[asyncio.Task[None]] = []
        self.peer.on("track", self._take)

    async def watch(self, api: Api, stream_id: str) -> ApiAnswer:
        """The server's answer; connected when it was a 201."""
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.addTransceiver("audio", direction="recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        self.answer = await offer_sdp(api, f"/whep/{stream_id}", self.peer.localDescription.sdp)
        if self.answer.status == 201:
            await self.peer.setRemoteDescription(RTCSessionDescription(self.answer.text, "answer"))
        return self.answer

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.peer.close()

    def _take(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._read(track), name=f"read {track.kind}"))

    async def _read(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            kept = self.frames[track.kind]
            kept.append(frame)
            del kept[:-200]


@asynccontextmanager
async def viewing() -> AsyncIterator[Viewer]:
    viewer = Viewer()
    try:
        yield viewer
    finally:
        await viewer.close()
