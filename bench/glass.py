"""How late pictures are seen: they carry the clock as black and white blocks, which a viewer decodes and compares."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from bench.broadcast_server import matched
from bench.publishing import FPS, HEIGHT, WIDTH

BLOCK = 16
BITS = 40


def clock_rows(at_ms: int) -> bytes:
    """The first rows of a luma plane: one block a bit, most significant first."""
    line = b"".join((b"\xeb" if at_ms >> bit & 1 else b"\x10") * BLOCK for bit in reversed(range(BITS)))
    return (line + b"\x80" * (WIDTH - len(line))) * BLOCK


def read_clock(frame: Any) -> int:
    """Milliseconds since the epoch, modulo 2**40, from the blocks' centres."""
    plane = frame.planes[0]
    data, stride = memoryview(plane), plane.line_size
    row = BLOCK // 2 * stride
    value = 0
    for bit in range(BITS):
        value = value << 1 | (data[row + bit * BLOCK + BLOCK // 2] > 128)
    return value


def now_ms() -> int:
    return int(time.time() * 1000) % (1 << BITS)


def publish_clock(url: str, seconds: float, *, on_first: Callable[[int], None] = lambda at_ms: None) -> int:
    """The publisher's process: pictures of the clock in real time, H.264 without B-frames, a tone as AAC.
    ``on_first``: called with when the first picture was captured."""
    import av

    av.logging.set_level(av.logging.PANIC)
    grey = b"\x80" * (WIDTH * (HEIGHT - BLOCK))
    silence = bytes(1024 * 4)
    with av.open(url, "w", format="flv") as out:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(2 * FPS), "bf": "0"}
        video = out.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.bit_rate = 1_500_000
        audio = out.add_stream("aac", rate=48_000, layout="mono")
        started_at, samples = time.monotonic(), 0
        for number in range(int(seconds * FPS)):
            time.sleep(max(0.0, started_at + number / FPS - time.monotonic()))
            picture = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            captured = now_ms()
            if number == 0:
                on_first(captured)
            picture.planes[0].update(clock_rows(captured) + grey)
            for plane in (1, 2):
                picture.planes[plane].update(b"\x80" * (WIDTH * HEIGHT // 4))
            picture.pts = number
            out.mux(video.encode(picture))
            while samples * FPS <= number * 48_000:
                sound = av.AudioFrame("fltp", "mono", 1024)
                sound.planes[0].update(silence)
                sound.rate, sound.pts = 48_000, samples
                samples += 1024
                out.mux(audio.encode(sound))
    return 0


async def watch_hls(http: str, stream_id: str, seconds: float) -> tuple[list[float], float]:
    """Delays in ms of pictures as their part arrives, and the hold-back in ms that a player adds."""
    import av

    base = f"{http}/hls/{stream_id}"
    decoder = av.CodecContext.create("h264", "r")
    delays: list[float] = []
    hold_back_ms = 0.0
    init = b""
    seen: set[str] = set()
    query = ""
    deadline = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"{base}/video.m3u8{query}") as answer:
                text = await answer.text()
            hold_back_ms = float(matched(r"PART-HOLD-BACK=([\d.]+)", text)) * 1000
            if not init:
                name = matched(r'EXT-X-MAP:URI="([^"]+)"', text)
                async with session.get(f"{base}/{name}") as answer:
                    init = await answer.read()
            names = re.findall(r'EXT-X-PART:[^\n]*URI="([^"]+)"', text)
            for name in names if seen else names[-1:]:
                if name not in seen:
                    async with session.get(f"{base}/{name}") as answer:
                        delays += _delays(decoder, init, await answer.read())
                seen.add(name)
            hint = matched(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
            segment, part = re.findall(r"/(\d+)\.(\d+)\.m4s", hint)[0]
            query = f"?_HLS_msn={segment}&_HLS_part={part}"
    return delays[FPS:], hold_back_ms


def _delays(decoder: Any, init: bytes, part: bytes) -> list[float]:
    import io

    import av

    at = now_ms()
    container: Any
    with av.open(io.BytesIO(init + part), format="mp4") as container:
        frames = list(container.decode(video=0)) if _starts_with_key(container) else []
    return [float(at - read_clock(frame)) for frame in frames]


def _starts_with_key(container: Any) -> bool:
    first = next((packet for packet in container.demux(video=0) if packet.size), None)
    container.seek(0)
    return first is not None and first.is_keyframe


async def watch_whep(http: str, stream_id: str, seconds: float) -> list[float]:
    """Delays in ms of pictures as they are decoded."""
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamError

    peer = RTCPeerConnection()
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    delays: list[float] = []
    tasks: list[asyncio.Task[None]] = []

    @peer.on("track")
    def on_track(track: Any) -> None:
        async def pump() -> None:
            try:
                while True:
                    frame = await track.recv()
                    if track.kind == "video":
                        delays.append(float(now_ms() - read_clock(frame)))
            except MediaStreamError:
                return

        tasks.append(asyncio.create_task(pump()))

    await peer.setLocalDescription(await peer.createOffer())
    async with aiohttp.ClientSession() as session:
        body, headers = peer.localDescription.sdp.encode(), {"Content-Type": "application/sdp"}
        async with session.post(f"{http}/whep/{stream_id}", data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise RuntimeError(f"WHEP was refused: {text}")
    await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
    await asyncio.sleep(seconds)
    await peer.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    return delays[FPS:]
