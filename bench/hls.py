"""What does packaging for HLS cost? Units to CMAF files on a memory-backed folder, beside PyAV's own muxer.

Prints the processor time of a live stream as a percentage of one core, for both in the same run.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import msgspec

from bench import report
from bench.report import figure
from media.hls.blocking import BlockingQuery
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.muxer import Muxer
from media.relay import Item, Tracks
from media.unit import Codec, Track, Unit

_AVCC = bytes.fromhex("014d401fffe1001a674d401fe8802802dd80b5010101400000fa40003a9803c60c448001000468ebef20")
VIDEO = Track(kind="video", codec=Codec.H264, timescale=90_000, config=_AVCC, width=1280, height=720, fps=30.0)
AUDIO = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\x11\x90", sample_rate=48_000, channels=2)


def broadcast(seconds: int, mbit_s: float) -> list[Unit]:
    """30 frames/s with a key frame every 2 s, eight times a delta frame's size, and AAC at 128 kbit/s."""
    source = random.Random(1)
    delta = int(mbit_s * 1e6 / 8 * 2 / (59 + 8))
    pictures = [source.randbytes(delta * 8), *(source.randbytes(delta) for _ in range(59))]
    sound = source.randbytes(341)
    units = [
        Unit(kind="video", pts=n * 3000, dts=n * 3000, is_key=n % 60 == 0, data=_nal(pictures[n % 60]), at=n / 30)
        for n in range(seconds * 30)
    ]
    units += [
        Unit(kind="audio", pts=n * 1024, dts=n * 1024, is_key=True, data=sound, at=n * 1024 / 48_000)
        for n in range(seconds * 48_000 // 1024)
    ]
    return sorted(units, key=lambda unit: unit.at)


def _nal(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + b"\x41" + body[1:]


def ours(units: list[Unit], folder: Path) -> None:
    """Feed to files; the events are dropped."""
    muxer = Muxer(folder=RunFolder(path=folder), publication=1)
    muxer.feed([Tracks((VIDEO, AUDIO))])
    for unit in units:
        muxer.feed([unit])
    muxer.close("over")


def served(units: list[Unit], folder: Path) -> None:
    """Feed to files, the events over the wire to an index, and each new playlist rendered once."""
    muxer = Muxer(folder=RunFolder(path=folder), publication=1)
    index = LiveIndex(on_change=lambda: None)
    items: list[Item] = [Tracks((VIDEO, AUDIO)), *units]
    for item in items:
        for event in muxer.feed([item]):
            index.apply(msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)))
            index.media("video", BlockingQuery())
            index.media("audio", BlockingQuery())


def pyav(units: list[Unit], folder: Path) -> None:
    """The same units through libavformat into one fragmented MP4, a fragment each 333 ms."""
    flags = "cmaf+frag_keyframe+empty_moov+default_base_moof+skip_trailer"
    options = {"movflags": flags, "frag_duration": "333000"}
    with av.open(str(folder / "whole.mp4"), "w", format="mp4", options=options) as out:
        video = out.add_stream("libx264", rate=30)
        video.width, video.height, video.codec_context.extradata = VIDEO.width, VIDEO.height, VIDEO.config
        audio = out.add_stream("aac", rate=48_000, layout="stereo")
        audio.codec_context.extradata = AUDIO.config
        out.start_encoding()
        streams = {"video": (video, Fraction(1, 90_000)), "audio": (audio, Fraction(1, 48_000))}
        for unit in units:
            packet = av.Packet(unit.data)
            packet.stream, packet.time_base = streams[unit.kind]
            packet.pts, packet.dts, packet.is_keyframe = unit.pts, unit.dts, unit.is_key
            out.mux(packet)


def cost(run: Callable[[list[Unit], Path], None], units: list[Unit]) -> float:
    """Processor seconds of one round."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        start = time.process_time()
        run(units, Path(folder))
        return time.process_time() - start


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench hls", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of the broadcast")
    parser.add_argument("--mbit", type=float, default=4.5, help="its bit rate in Mbit/s")
    parser.add_argument("--rounds", type=int, default=3, help="in turns")
    report.options(parser)
    options = parser.parse_args(argv)
    units = broadcast(options.seconds, options.mbit)
    rounds = [[cost(run, units) / options.seconds * 100 for run in (ours, served, pyav)] for _ in range(options.rounds)]
    feed, playlists, beside = (list(shares) for shares in zip(*rounds, strict=True))
    mbit_s = sum(len(unit.data) for unit in units) * 8e-6 / options.seconds
    unit, name = "% of a core", f"{mbit_s:.1f} Mbit/s to files"
    figures = [
        figure("hls", name, feed, unit, better="lower", peer="PyAV's muxer", against=beside),
        figure("hls", f"{name} and playlists", playlists, unit, better="lower"),
    ]
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
