"""A real ffmpeg: as a publisher over RTMP, and as a player of what the server serves."""

from __future__ import annotations

import asyncio
import re
import subprocess

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
VIDEO = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "60",
    "-keyint_min",
    "60",
    "-sc_threshold",
    "0",
    "-b:v",
    "600k",
]
AUDIO = ["-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2"]
PICTURE = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30"]
TONE = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
B_FRAMES = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "2",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "60",
    "-keyint_min",
    "60",
    "-sc_threshold",
    "0",
    "-b:v",
    "400k",
]


class Publisher:
    """An ffmpeg that publishes a test picture and a tone until it is stopped."""

    def __init__(
        self,
        address: str,
        *,
        has_video: bool = True,
        has_audio: bool = True,
        codec: tuple[str, ...] | list[str] = VIDEO,
        seconds: float | None = None,
    ) -> None:
        inputs = (PICTURE if has_video else []) + (TONE if has_audio else [])
        coding = (list(codec) if has_video else []) + (AUDIO if has_audio else [])
        length = ["-t", str(seconds)] if seconds else []
        self.process = subprocess.Popen(
            [FFMPEG, "-hide_banner", "-loglevel", "error", *inputs, *coding, *length, "-f", "flv", address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    async def left(self, within_s: float = 30.0) -> int:
        """The exit code of a publisher that goes by itself."""
        return await asyncio.to_thread(self.process.wait, within_s)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.kill()
        if self.process.stderr is not None:
            self.process.stderr.close()


class Played:
    """What ffmpeg made of an address: decoded frames, seconds, and its complaints."""

    def __init__(self, *, code: int | None, progress: str, log: str) -> None:
        self.code = code
        self.log = log
        frames = re.findall(r"^frame=(\d+)", progress, re.M)
        self.frames = int(frames[-1]) if frames else 0
        times = re.findall(r"^out_time_us=(\d+)", progress, re.M)
        self.seconds = int(times[-1]) / 1e6 if times else 0.0
        self.errors = [line for line in log.splitlines() if re.search(r"error|invalid|corrupt|non.monoton", line, re.I)]


async def play(
    address: str, *, seconds: float | None = None, within_s: float = 40.0, live_start: int | None = None
) -> Played:
    """Decode an address with ffmpeg, at most ``seconds`` of it. Frames keep the times of the stream: by the frame rate
    that ffmpeg guesses from the first of them, two that are apart may come to the same tick.
    """
    first = ["-live_start_index", str(live_start)] if live_start is not None else []
    length = ["-t", str(seconds)] if seconds else []
    quiet = ["-hide_banner", "-nostdin", "-loglevel", "warning", "-nostats", "-progress", "pipe:1"]
    as_it_is = ["-fps_mode", "passthrough", "-enc_time_base:v", "demux"]
    command = [FFMPEG, *quiet, *first, "-i", address, *length, *as_it_is, "-f", "null", "-"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within_s):
            progress, log = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"ffmpeg did not finish {address} within {within_s} s") from None
    return Played(code=process.returncode, progress=progress.decode(), log=log.decode(errors="replace"))
