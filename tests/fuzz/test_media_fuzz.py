"""Publishers and viewers whose media or offers are broken: their own business, nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.people import Account, Api
from tests.e2e.publishing import FFMPEG
from tests.e2e.serving import Server
from tests.fuzz.conftest import Calm

Tag = tuple[int, int, bytes]  # FLV type, milliseconds, body
_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Tag]:
    """Two seconds of H.264 and AAC as FLV tags."""
    path: Path = tmp_path_factory.mktemp("flv") / "a.flv"
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30", "-f", "lavfi", "-i", "sine=frequency=440"]
    coding = ["-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([FFMPEG, "-y", "-loglevel", "error", *inputs, *coding, str(path)], check=True)
    return _tags(path.read_bytes())


def _tags(flv: bytes) -> list[Tag]:
    tags, at = [], 13
    while at + 11 <= len(flv):
        size = int.from_bytes(flv[at + 1 : at + 4], "big")
        tags.append((flv[at], int.from_bytes(flv[at + 4 : at + 7], "big"), flv[at + 11 : at + 11 + size]))
        at += 15 + size
    return tags


def _is_header(tag: Tag) -> bool:
    return tag[0] == _SCRIPT or tag[2][1:2] == b"\x00"


def _pictures(tag: Tag, chance: random.Random) -> Tag:
    kind, at, body = tag
    if kind != _VIDEO or _is_header(tag) or len(body) < 12:
        return tag
    unit = 0x65 if body[0] >> 4 == 1 else 0x41
    return kind, at, body[:5] + struct.pack(">IB", len(body) - 9, unit) + chance.randbytes(len(body) - 10)


def _lengths(tag: Tag, chance: random.Random) -> Tag:
    kind, at, body = tag
    return (kind, at, body[:5] + chance.randbytes(len(body) - 5)) if kind == _VIDEO and not _is_header(tag) else tag


def _video_header(tag: Tag, chance: random.Random) -> Tag:
    kind, at, body = tag
    return (kind, at, body[:5] + chance.randbytes(len(body) - 5)) if kind == _VIDEO and _is_header(tag) else tag


def _sound(tag: Tag, chance: random.Random) -> Tag:
    kind, at, body = tag
    return (kind, at, body[:2] + chance.randbytes(len(body) - 2)) if kind == _AUDIO and not _is_header(tag) else tag


def _times(tag: Tag, chance: random.Random) -> Tag:
    return tag[0], chance.choice([tag[1], 0, 0x7FFFFF, tag[1] ^ 0x80000]), tag[2]


def _short(tag: Tag, chance: random.Random) -> Tag:
    return tag if _is_header(tag) else (tag[0], tag[1], tag[2][: chance.randrange(0, 6)])


def _codec(tag: Tag, chance: random.Random) -> Tag:
    return tag if _is_header(tag) else (tag[0], tag[1], bytes([chance.randrange(256)]) + tag[2][1:])


BREAKS: list[Callable[[Tag, random.Random], Tag]] = [_pictures, _lengths, _video_header, _sound, _times, _short, _codec]


async def test_publishers_of_garbage_harm_nobody_else(
    server: Server, someone: Account, calm: Calm, recorded: list[Tag]
) -> None:
    chance = random.Random(31)

    async def one(break_: Callable[[Tag, random.Random], Tag]) -> None:
        made = await someone.prepare(break_.__name__)
        await _publish(server.rtmp_port, made["ingest"]["stream_key"], [break_(tag, chance) for tag in recorded])
        for path in ("index.m3u8", "video.m3u8", "thumbnail.webp"):
            answer = await someone.call("GET", f"/hls/{made['stream']['id']}/{path}")
            assert answer.status in (200, 404, 503), answer.text
            assert answer.status != 503 or "Retry-After" in answer.headers, answer.text  # no whole segment yet

    await asyncio.gather(*(one(break_) for break_ in BREAKS))
    await calm.holds()


async def _publish(port: int, key: str, tags: list[Tag]) -> None:
    """An RTMP publisher that sends tags as they are, at twice their pace, until it has no more or is cut off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(b"\x03" + bytes(1536))
        await reader.readexactly(3073)
        writer.write(bytes(1536) + _message(1, struct.pack(">I", 1 << 20), chunks=2, stream=0))
        writer.write(_message(20, _text("connect") + _number(1) + _app("live"), chunks=3, stream=0))
        writer.write(_message(20, _text("createStream") + _number(2) + b"\x05", chunks=3, stream=0))
        writer.write(_message(20, _text("publish") + _number(3) + b"\x05" + _text(key) + _text("live"), chunks=3))
        for number, (kind, at, body) in enumerate(tags):
            writer.write(_message(kind, body, at=at, chunks=4 if kind == _AUDIO else 6))
            await writer.drain()
            await asyncio.sleep(0.03 if number % 5 == 0 else 0)
    writer.transport.abort()


def _message(kind: int, body: bytes, *, chunks: int, at: int = 0, stream: int = 1) -> bytes:
    head = bytes([chunks]) + at.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
    return head + struct.pack("<I", stream) + body


def _text(value: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(value)) + value.encode()


def _number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def _app(name: str) -> bytes:
    return b"\x03\x00\x03app" + _text(name) + b"\x00\x00\x09"


# offers

_ICE = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
_SEAL = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:actpass\r\n"


def _offer(*, videos: int = 1, extra: str = "") -> str:
    common = f"c=IN IP4 0.0.0.0\r\na=recvonly\r\na=rtcp-mux\r\n{_ICE}{_SEAL}"
    mids = " ".join(str(number) for number in range(videos + 1))
    head = f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n"
    audio = f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{common}a=rtpmap:111 opus/48000/2\r\n"
    video = f"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{common}a=rtpmap:96 H264/90000\r\n"
    profile = "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    return head + audio + "".join(f"{video}a=mid:{number + 1}\r\n{profile}{extra}" for number in range(videos))


OFFERS: dict[str, Any] = {
    "empty": "",
    "one line": "v=0",
    "NUL": "v=0\0\r\n",
    "bytes": random.Random(5).randbytes(1000),
    "no ICE": _offer().replace("a=ice-ufrag:abcd\r\n", ""),
    "no fingerprint": _offer().replace("a=fingerprint", "a=nothing"),
    "an odd fingerprint": _offer().replace("AB:", "ZZ:"),
    "an old digest": _offer().replace("sha-256", "md2"),
    "hundred lines of media": _offer(videos=100),
    "a negative port": _offer().replace("m=video 9", "m=video -9"),
    "one name for two": _offer(videos=2).replace("a=mid:2", "a=mid:1"),
    "an endless name": _offer().replace("abcd", "a" * 5000),
    "hundreds of candidates": _offer(extra="a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n" * 400),
    "thousands of lines": "v=0\r\n" + "a=x\r\n" * 10_000,
    "megabytes": "a" * 10_000_000,
}


async def test_absurd_offers_are_refused(nobody: Api, calm: Calm) -> None:
    for name, offer in OFFERS.items():
        answer = await nobody.call(
            "POST", f"/whep/{calm.live.stream_id}", data=offer, headers={"Content-Type": "application/sdp"}
        )
        assert 400 <= answer.status < 500, name
        assert answer.headers["Content-Type"].startswith("application/problem+json"), name
    await calm.holds()


async def test_viewers_that_never_connect_are_bounded_and_harm_nobody(nobody: Api, calm: Calm) -> None:
    async def offer() -> tuple[int, str | None]:
        path = f"/whep/{calm.live.stream_id}"
        answer = await nobody.call("POST", path, data=_offer(), headers={"Content-Type": "application/sdp"})
        return answer.status, answer.headers.get("Location")

    answers = await asyncio.gather(*(offer() for _ in range(200)))
    assert {status for status, _ in answers} <= {201, 503}
    await calm.holds()
    for _, location in answers:
        if location is not None:
            await nobody.call("DELETE", "/" + location.split("/", 3)[3] if "://" in location else location)
