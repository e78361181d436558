"""What decoding and encoding costs: pictures against the ffmpeg command line, sound in time behind its source.

Pictures: the same file, 1080p with B-frames, to 720p without, by a lane of a worker and by the command line with the
same settings, in processor time: what counts on a machine full of streams. The ladder: 720p, 480p and 360p of it at
once, likewise. Sound: one bridge in real time; how
long after its last source sample a packet is there, and what part of a core its worker takes.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import msgspec
import uvloop

from bench import report
from bench.report import Figure, figure
from media.relay import Relay
from media.transcode.ladder import Tier, plan
from media.transcode.ladder_lane import LadderLane
from media.transcode.pool import CodecPool
from media.transcode.tracks import VideoGoal, aac_track, opus_track, video_lane
from media.transcode.video import VideoLane
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit

BAR_SPEED = 0.95
BAR_LATENCY_MS = 80.0
BAR_REAL_TIME = 1.5
_GOAL = VideoGoal()


def _source(path: Path, seconds: int) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30"]
    coding = ["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "60"]
    subprocess.run([*command, "-t", str(seconds), *coding, str(path)], check=True)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _by_command_line(path: Path) -> float:
    began = _children_s()
    scale = ["-vf", "scale=-2:720:flags=bilinear", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency"]
    rate = ["-b:v", str(_GOAL.bit_rate), "-maxrate", str(_GOAL.bit_rate), "-bufsize", str(_GOAL.bit_rate // 2)]
    rest = ["-profile:v", "baseline", "-g", "60", "-threads", "2", "-filter_threads", "1", "-f", "null", "-"]
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "2", "-i", str(path)]
    subprocess.run([*start, *scale, *rate, *rest], check=True)
    return _children_s() - began


def _units(path: Path) -> tuple[Track, list[Unit]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        track = Track(
            kind="video",
            codec=Codec.H264,
            timescale=VIDEO_TIMESCALE,
            config=bytes(stream.codec_context.extradata or b""),
            fps=30.0,
        )
        return track, [_unit(packet) for packet in file.demux(stream) if packet.size]


def _unit(packet: av.Packet[av.VideoStream]) -> Unit:
    base = packet.time_base or Fraction(1)
    pts, dts = (round((ticks or 0) * base * VIDEO_TIMESCALE) for ticks in (packet.pts, packet.dts))
    return Unit(kind="video", pts=max(0, pts), dts=dts, is_key=packet.is_keyframe, data=bytes(packet), at=0.0)


def _by_lane(track: Track, units: list[Unit]) -> float:
    began = time.process_time()
    lane = VideoLane(video_lane(track, _GOAL), now=lambda: 0.0)
    made = sum(len(lane.feed(unit)) for unit in units) + len(lane.finish())
    took = time.process_time() - began
    assert made == len(units), f"{made} of {len(units)} pictures"
    return took


def _ladder_by_command_line(path: Path, tiers: Sequence[Tier]) -> float:
    """One decoder, a filter graph with a scaler for each, three encoders; with the worker's settings."""
    began = _children_s()
    names = [f"v{at}" for at in range(len(tiers))]
    split = f"[0:v]split={len(tiers)}" + "".join(f"[{name}]" for name in names)
    scales = [
        f"[{name}]scale={tier.width}:{tier.height}:flags=bilinear[{name}o]"
        for name, tier in zip(names, tiers, strict=True)
    ]
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "2", "-i", str(path)]
    graph = ["-filter_complex", ";".join([split, *scales]), "-filter_complex_threads", "1"]
    encoders = [part for name, tier in zip(names, tiers, strict=True) for part in _encoder(name, tier)]
    subprocess.run([*start, *graph, *encoders], check=True)
    return _children_s() - began


def _encoder(name: str, tier: Tier) -> list[str]:
    rate = ["-b:v", str(tier.bit_rate), "-maxrate", str(tier.bit_rate * 5 // 4), "-bufsize", str(tier.bit_rate)]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "main", "-threads", "1"]
    return ["-map", f"[{name}o]", *coding, *rate, "-g", "60", "-sc_threshold", "0", "-f", "null", "-"]


def _ladder_by_lane(track: Track, units: list[Unit], tiers: tuple[Tier, ...]) -> float:
    began = time.process_time()
    lane = LadderLane(track, tiers, now=lambda: 0.0)
    made = sum(len(lane.feed(unit)) for unit in units) + len(lane.finish())
    took = time.process_time() - began
    assert made == len(units) * len(tiers), f"{made} of {len(units)} pictures for each of {len(tiers)}"
    return took


def _ladder(seconds: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.mp4"
        _source(path, seconds)
        track, units = _units(path)
        tiers = plan(msgspec.structs.replace(track, width=1920, height=1080))
        pairs = [(_ladder_by_command_line(path, tiers), _ladder_by_lane(track, units, tiers)) for _ in range(rounds)]
    theirs, ours = ([seconds / took for took in times] for times in zip(*pairs, strict=True))
    speeds = [mine / other * 100 for other, mine in zip(theirs, ours, strict=True)]
    name, unit, peer = "1080p30 to 720p, 480p and 360p", "x real time a core", "the ffmpeg command line"
    return [
        figure("transcode", name, ours, unit, better="higher", peer=peer, against=theirs, bar=BAR_REAL_TIME),
        figure("transcode", f"{name}, of ffmpeg's speed", speeds, "%", better="higher", bar=BAR_SPEED * 100),
    ]


def _pictures(seconds: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.mp4"
        _source(path, seconds)
        track, units = _units(path)
        pairs = [(_by_command_line(path), _by_lane(track, units)) for _ in range(rounds)]
    theirs, ours = ([took / seconds * 100 for took in times] for times in zip(*pairs, strict=True))
    speeds = [other / mine * 100 for other, mine in zip(theirs, ours, strict=True)]
    name, unit, peer = "1080p to 720p", "% of a core", "the ffmpeg command line"
    return [
        figure("transcode", name, ours, unit, better="lower", peer=peer, against=theirs),
        figure("transcode", f"{name}, of ffmpeg's speed", speeds, "%", better="higher", bar=BAR_SPEED * 100),
    ]


def _packets(codec: Codec, seconds: int) -> tuple[Track, int, list[bytes]]:
    """Silence, which costs an encoder less than sound does, but a decoder and the way there and back the same."""
    name, form, track = ("aac", "fltp", aac_track(2)) if codec is Codec.AAC else ("libopus", "flt", opus_track(2))
    encoder = av.AudioCodecContext.create(name, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", form
    encoder.time_base = Fraction(1, 48_000)
    encoder.open()
    made: list[bytes] = []
    for pts in range(0, seconds * 48_000, encoder.frame_size):
        frame = av.AudioFrame(format=form, layout="stereo", samples=encoder.frame_size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, pts, Fraction(1, 48_000)
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return track, encoder.frame_size, made


async def _sound(codec: Codec, to: Codec, seconds: int) -> list[Figure]:
    track, samples, packets = _packets(codec, seconds)
    pool = CodecPool()
    await pool.start()
    source = Relay()
    source.configure([track])
    bridge = pool.bridge(source, audio=to, name="bench")
    began = time.time()
    made_samples = 960 if to is Codec.OPUS else 1_024
    late: list[float] = []

    def take() -> None:
        for item in reader.take():
            if isinstance(item, Unit):
                late.append(time.time() - began - (item.pts + made_samples) / 48_000)

    def wake() -> None:
        asyncio.get_running_loop().call_soon(take)

    reader = bridge.relay.subscribe(wake)
    for index, data in enumerate(packets):
        await asyncio.sleep(began + (index + 1) * samples / 48_000 - time.time())
        pts = index * samples
        source.write(Unit(kind="audio", pts=pts, dts=pts, is_key=True, data=data, at=time.time()))
    before = _children_s()
    await pool.close()
    used = _children_s() - before
    late.sort()
    p50, p95 = (1_000 * late[int(len(late) * part)] for part in (0.5, 0.95))
    name, share = f"{codec} to {to}", used / seconds * 100
    return [
        figure("transcode", f"{name}, behind, p50", [p50], "ms", better="lower"),
        figure("transcode", f"{name}, behind, p95", [p95], "ms", better="lower", bar=BAR_LATENCY_MS),
        figure("transcode", f"{name}, with starting it and a spare", [share], "% of a core", better="lower"),
    ]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench transcode", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of source")
    parser.add_argument("--rounds", type=int, default=2, help="of pictures, in turns")
    report.options(parser)
    options = parser.parse_args(argv)
    figures = [*_pictures(options.seconds, options.rounds), *_ladder(options.seconds, options.rounds)]
    for codec, to in ((Codec.OPUS, Codec.AAC), (Codec.AAC, Codec.OPUS)):
        figures += uvloop.run(_sound(codec, to, options.seconds))
    report.hand_over(figures, options.json)
    return 0
