"""What does it cost to take RTMP apart? CPU of a live stream at three chunk sizes, beside the obvious way of doing it.

The obvious way reads one chunk after another and joins the pieces at the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from typing import Final

from bench import report
from bench.report import Figure, figure
from media.rtmp.chunk import AUDIO, SET_CHUNK_SIZE, VIDEO, ChunkLimits, ChunkReader, ChunkWriter, RtmpMessage
from media.rtmp.ingest import RtmpIngest
from media.unit import Track, Unit

_READ_BYTES = 64 * 1024
_STREAM_MBITS = 4.5
CHUNK_BYTES: Final = (128, 4096, 65_536)
PEER: Final = "chunk by chunk, joined"
_AVCC = bytes.fromhex("0142c028ffe100176742c028da01e0089f97011000003e90000ea600f1832a01000468ce0fc8")


class Nowhere:
    """A publication that only counts."""

    def __init__(self) -> None:
        self.media_time_ms = 0
        self.patience_s = 0.0
        self.units = 0

    def configure(self, tracks: Iterable[Track]) -> None:
        """Dropped."""

    def write(self, unit: Unit) -> None:
        self.units += 1

    def warn(self, name: str) -> None:
        """Dropped."""

    def close(self, reason: str) -> None:
        """Nothing is open."""

    def on_stop(self, stop: Callable[[str], None]) -> None:
        """Never called."""

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """There is one track of pictures."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """There is one track of pictures."""

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        """Never called."""


def obvious(data: bytes) -> int:
    """Messages in whole buffers of one known shape, chunk by chunk."""
    size, at, count = 128, 0, 0
    lengths: dict[int, tuple[int, int]] = {}
    parts: dict[int, list[bytes]] = {}
    while at < len(data):
        stream, form = data[at] & 63, data[at] >> 6
        at += 1
        if form < 2:
            lengths[stream] = int.from_bytes(data[at + 3 : at + 6], "big"), data[at + 6]
        at += (11, 7, 3, 0)[form]
        length, kind = lengths[stream]
        have = parts.setdefault(stream, [])
        missing = length - sum(map(len, have))
        have.append(data[at : at + min(size, missing)])
        at += len(have[-1])
        if missing <= size:
            body = b"".join(have)
            have.clear()
            count += 1
            if kind == SET_CHUNK_SIZE:
                size = int.from_bytes(body, "big")
    return count


def ours(data: bytes) -> int:
    """Chunks only, in reads as a socket gives them."""
    reader = ChunkReader(limits=ChunkLimits())
    return sum(len(reader.receive(data[at : at + _READ_BYTES])) for at in range(0, len(data), _READ_BYTES))


def whole(data: bytes, read_bytes: int = 4096) -> int:
    """All the way from bytes to units, in small reads as a live stream gives them."""
    reader, publication = ChunkReader(limits=ChunkLimits()), Nowhere()
    ingest = RtmpIngest(publication=publication)
    for at in range(0, len(data), read_bytes):
        for message in reader.receive(data[at : at + read_bytes]):
            feed = ingest.video if message.type == VIDEO else ingest.audio
            feed(message.timestamp, message.payload, at=0.0)
    return publication.units


def stream(chunk_bytes: int, seconds: int) -> bytes:
    """A 30 fps stream of 4.5 Mbit/s with a key frame every two seconds and sound beside it."""
    writer = ChunkWriter()
    out = [writer.write(2, RtmpMessage(SET_CHUNK_SIZE, 0, 0, chunk_bytes.to_bytes(4, "big")))]
    writer.chunk_bytes = chunk_bytes
    out.append(writer.write(6, RtmpMessage(VIDEO, 1, 0, b"\x17\0\0\0\0" + _AVCC)))
    out.append(writer.write(4, RtmpMessage(AUDIO, 1, 0, b"\xaf\0\x11\x90")))
    sounds = 0
    for frame in range(seconds * 30):
        is_key, stamp = frame % 60 == 0, frame * 1000 // 30
        size = (120_000 if is_key else 16_000) + frame % 7
        nal = (size + 1).to_bytes(4, "big") + (b"\x65" if is_key else b"\x41") + bytes(size)
        out.append(writer.write(6, RtmpMessage(VIDEO, 1, stamp, (b"\x17" if is_key else b"\x27") + b"\1\0\0\0" + nal)))
        while sounds * 1024 * 1000 // 48_000 <= stamp:
            out.append(writer.write(4, RtmpMessage(AUDIO, 1, sounds * 1024 * 1000 // 48_000, b"\xaf\1" + bytes(340))))
            sounds += 1
    return b"".join(out)


def measure(parse: Callable[[bytes], int], data: bytes, seconds: int) -> float:
    """CPU of this process as a percentage of the stream's time."""
    started = time.process_time()
    parse(data)
    return (time.process_time() - started) / seconds * 100


def figures(chunk_bytes: int, seconds: int, rounds: int) -> list[Figure]:
    """Both readers and the whole way, in turns."""
    data = stream(chunk_bytes, seconds)
    found = [tuple(measure(way, data, seconds) for way in (obvious, ours, whole)) for _ in range(rounds)]
    beside, chunks, units = (list(times) for times in zip(*found, strict=True))
    name, unit = f"{_STREAM_MBITS} Mbit/s in chunks of {chunk_bytes:,}", "% of a core"
    return [
        figure("rtmp", f"{name}, to messages", chunks, unit, better="lower", peer=PEER, against=beside),
        figure("rtmp", f"{name}, to units", units, unit, better="lower"),
    ]


def main(argv: list[str]) -> int:
    """Print one line a case."""
    options = argparse.ArgumentParser(prog="bench rtmp", description=__doc__)
    options.add_argument("--seconds", type=int, default=20, help="length of the made-up stream")
    options.add_argument("--rounds", type=int, default=5)
    report.options(options)
    chosen = options.parse_args(argv)
    found = [one for size in CHUNK_BYTES for one in figures(size, chosen.seconds, chosen.rounds)]
    report.hand_over(found, chosen.json)
    return 0
