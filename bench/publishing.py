"""Publishers of the bench of broadcasts, and the streams that they publish to."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bench.broadcast_server import Server

WIDTH, HEIGHT, FPS = 1280, 720, 30


async def live_stream(http: str, *, after: set[str]) -> str:
    """The id of the stream that is on the air and was not before."""
    async with aiohttp.ClientSession() as session:
        for _ in range(500):
            async with session.get(f"{http}/api/v1/streams?state=live") as answer:
                ids = {item["id"] for item in (await answer.json())["items"] if item["state"] == "live"} - after
            if ids:
                return str(ids.pop())
            await asyncio.sleep(0.02)
    raise TimeoutError("no stream went on the air")


def looped(clip: Path) -> list[str]:
    return ["-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]


async def end(server: Server, stream_id: str) -> None:
    """Let the stream go, so that the next publisher begins a new one."""
    login = await log_in(server)
    headers, url = {"Authorization": f"Bearer {login}"}, f"{server.http}/api/v1/streams/{stream_id}/end"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url) as answer:
        answer.raise_for_status()


async def log_in(server: Server) -> str:
    """The admin's token. Until the one-time password is changed nothing else is answered."""
    async with aiohttp.ClientSession() as session:
        body = {"login": "admin", "password": server.password}
        async with session.post(f"{server.http}/api/v1/auth/login", json=body) as answer:
            held = await answer.json()
        token = str(held["access_token"])
        if held["user"]["must_change_password"]:
            chosen = f"a bench of {server.password}"
            change, headers = (
                {"password": server.password, "new_password": chosen},
                {"Authorization": f"Bearer {token}"},
            )
            async with session.post(
                f"{server.http}/api/v1/auth/password/change", json=change, headers=headers
            ) as answer:
                answer.raise_for_status()
            server.password = chosen
        return token


@contextmanager
def publisher(source: Sequence[str], url: str) -> Iterator[None]:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *source, "-f", "flv", url]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def make_clip(folder: Path) -> Path:
    """Ten seconds of 1080p30 at 4 Mbit/s with a key frame every 2 s, and AAC."""
    import imageio_ffmpeg

    clip = folder / "clip.flv"
    noise = "testsrc2=size=1920x1080:rate=30,noise=alls=12:allf=t"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", noise, "-f",
        "lavfi", "-i", "sine=sample_rate=48000", "-t", "10", "-c:v", "libx264", "-preset", "ultrafast",
        "-tune", "zerolatency", "-g", "60", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M",
        "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", str(clip),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return clip
