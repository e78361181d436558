"""`python -m bench vod`: how soon a video can be played while the rest of it is encoded, and how fast all of it is
encoded beside ffmpeg's command line with the same renditions and settings.

The orders are those of the job, one after another: the file is inspected, its sound, its smallest rendition, the
others. Nothing is stored. ffmpeg decodes once and encodes all renditions and the sound to nothing; it has no pass that
measures the sound, and no segments. It gives way to other processes as an encoder of ours does. Processor time says
what remains of the comparison on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from bench import report
from bench.report import Figure, figure
from media.confinement import NICENESS
from media.transcode.ladder import Tier, tiers_of
from media.vod.child import carry_out
from media.vod.messages import EncodePictures, EncodeSound, Inspect, Order, SegmentMade, SourceBounds
from server.features.videos.library.encoding import BEGUN_SEGMENTS

QUESTION: Final = "vod"
BAR_FIRST: Final = 0.15
BAR_SPEED: Final = 0.95
BOUNDS: Final = SourceBounds(streams=8, pixels=8_192 * 4_352, seconds=43_200)
SIZE: Final = (1920, 1080)
FPS: Final = 30


def _source(folder: Path, seconds: int) -> str:
    """A moving test picture with a tone."""
    path = str(folder / "source.mp4")
    picture, tone = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r={FPS}:d={seconds}", f"sine=f=440:d={seconds}"
    _ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-preset", "ultrafast", "-c:a", "aac", path)
    return path


def _ffmpeg(*arguments: str) -> float:
    """The seconds that it takes."""
    began = time.perf_counter()
    command = ["nice", "-n", str(NICENESS), imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def _children_s() -> float:
    """Processor time of all processes that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _beside(path: str, tiers: tuple[Tier, ...]) -> float:
    names = [f"[v{number}]" for number in range(len(tiers))]
    scaled = [
        f"{name}scale={tier.width}:{tier.height}[s{n}]" for n, (name, tier) in enumerate(zip(names, tiers, strict=True))
    ]
    graph = ";".join([f"[0:v]split={len(tiers)}{''.join(names)}", *scaled])
    outputs: list[str] = []
    for number, tier in enumerate(tiers):
        rate = ["-b:v", str(tier.bit_rate), "-maxrate", str(tier.bit_rate * 5 // 4), "-bufsize", str(tier.bit_rate * 2)]
        codec = ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0", "-g", str(2 * FPS)]
        outputs += ["-map", f"[s{number}]", *codec, "-sc_threshold", "0", *rate, "-f", "null", "-"]
    sound = ["-map", "0:a", "-c:a", "aac", "-b:a", "128k", "-f", "null", "-"]
    return _ffmpeg("-i", path, "-filter_complex", graph, *outputs, *sound)


async def _done(order: Order) -> float:
    """When its first segments were there, from which on a rendition is played."""
    begun_at = 0.0
    async with aclosing(carry_out(order)) as reports:
        async for report in reports:
            if isinstance(report, SegmentMade) and report.number + 1 == BEGUN_SEGMENTS:
                begun_at = time.perf_counter()
    return begun_at


async def _encoded(path: str, seconds: float, tiers: tuple[Tier, ...]) -> tuple[float, float]:
    """Seconds until the first rendition can be played, and until all are whole."""
    began = time.perf_counter()
    await _done(Inspect(path=path, bounds=BOUNDS))
    await _done(EncodeSound(path=path, seconds=seconds))
    first = await _done(EncodePictures(path=path, seconds=seconds, tiers=tiers[-1:], have=(0,))) - began
    rest = tiers[:-1]
    await _done(EncodePictures(path=path, seconds=seconds, tiers=rest, have=(0,) * len(rest)))
    return first, time.perf_counter() - began


async def _measure(options: argparse.Namespace) -> list[Figure]:
    tiers = tiers_of(*SIZE, float(FPS), has_own_size=True)
    firsts, ours, theirs, costs = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="socialflow-bench-") as folder:
        path = await asyncio.to_thread(_source, Path(folder), options.seconds)
        for _ in range(options.rounds):
            before = _children_s()
            first, whole = await _encoded(path, options.seconds, tiers)
            used = _children_s()
            firsts.append(first / whole)
            ours.append(options.seconds / whole)
            theirs.append(options.seconds / await asyncio.to_thread(_beside, path, tiers))
            costs.append((used - before) / (_children_s() - used))
    shares = [own / other for own, other in zip(ours, theirs, strict=True)]
    name = "share of the whole time after which the first rendition is playable"
    return [
        figure(QUESTION, name, firsts, "", better="lower", bar=BAR_FIRST),
        figure(QUESTION, "encoding speed, times real time", ours, "", better="higher", peer="ffmpeg", against=theirs),
        figure(QUESTION, "encoding speed as a share of ffmpeg's", shares, "", better="higher", bar=BAR_SPEED),
        figure(QUESTION, "processor time as a share of ffmpeg's", costs, "", better="lower"),
    ]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench vod", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60, help="of the video, which is 1080p at 30 pictures a second")
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(asyncio.run(_measure(options)), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
