"""What does a broadcast cost, how soon can it be watched, and how late is it seen? The whole server, real encoders.

``python -m bench broadcast`` starts a server of its own and publishes to it:

* *cost*: one 1080p30 4 Mbit/s RTMP publisher, passed through to HLS and recorded, above what the same processes take
  with nothing live: *media* is the media process and its codecs, *node* the serving process (HTTP, chat, actors,
  playlists), *stores* are the embedded Postgres and Redis. Beside it, in the same rounds and with the same publisher,
  nginx with its RTMP module and HLS, where there is one.
* *start*: from the publisher's first byte to the first part that a player can show.
* *glass*: pictures carry the clock as black and white blocks; a viewer decodes them and compares. For WebRTC that is
  the delay of the picture itself; for HLS the player's hold-back, which the playlist states, is added.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from bench import report
from bench.broadcast_server import Server, matched
from bench.glass import publish_clock, watch_hls, watch_whep
from bench.nginx import Nginx, start_nginx
from bench.publishing import end, live_stream, looped, make_clip, publisher
from bench.report import Figure, figure

BAR_START_S, BAR_COST, BAR_WHEP_MS, BAR_HLS_MS = 2.0, 2.0, 500.0, 3_000.0
SETTLE_S = 10.0  # a first stream has codec processes started, an ended one is written down: neither is idling
JUDGED_S = 20.0  # of a window at least: CPU is counted in 10 ms, and a publisher takes few of them a second


class FirstByte:
    """A relay of TCP in front of RTMP that notes when the publisher's first byte came."""

    def __init__(self, rtmp: str) -> None:
        self.at = 0.0
        host, port = re.findall(r"//([^:/]+):(\d+)", rtmp)[0]
        self._target = (host, int(port))

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        await asyncio.gather(self._pipe(reader, back, is_out=True), self._pipe(there, writer, is_out=False))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_out: bool) -> None:
        while data := await reader.read(65_536):
            if is_out and not self.at:
                self.at = time.monotonic()
            writer.write(data)
            await writer.drain()
        writer.close()


async def measure_start(server: Server, clip: Path, known: set[str]) -> float:
    """Seconds from the publisher's first byte to the first part that was fetched whole."""
    gate = FirstByte(server.rtmp)
    port = await gate.start()
    with publisher(["-re", "-i", str(clip), "-c", "copy"], f"rtmp://127.0.0.1:{port}/live/{server.key}"):
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        async with aiohttp.ClientSession() as session:
            base = f"{server.http}/hls/{stream_id}"
            while True:
                async with session.get(f"{base}/index.m3u8") as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.01)
            async with session.get(f"{base}/video.m3u8") as answer:
                name = matched(r'EXT-X-PART:[^\n]*URI="([^"]+)"', await answer.text())
            async with session.get(f"{base}/{name}") as answer:
                await answer.read()
        took = time.monotonic() - gate.at
    await end(server, stream_id)
    return took


async def measure_cost(server: Server, clip: Path, seconds: float, known: set[str]) -> dict[str, float]:
    """Per cent of a core while one publisher is passed through and recorded without a viewer, above nothing live."""
    await asyncio.sleep(SETTLE_S)
    idle = await _shares(server, seconds)
    with publisher(looped(clip), f"{server.rtmp}/{server.key}"):
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        await asyncio.sleep(SETTLE_S)
        busy = await _shares(server, seconds)
    await end(server, stream_id)
    return {name: busy[name] - idle[name] for name in busy} | {
        "idle": idle["media"] + idle["node"],
        "all": busy["media"] + busy["node"],
    }


async def _shares(server: Server, seconds: float) -> dict[str, float]:
    """What part of a core each kind of process takes, in per cent."""
    began, before = time.monotonic(), server.cpu_s()
    await asyncio.sleep(seconds)
    took, after = time.monotonic() - began, server.cpu_s()
    return {name: (value - before[name]) / took * 100 for name, value in after.items()}


async def measure_nginx(nginx: Nginx, clip: Path, seconds: float) -> float:
    """Per cent of a core for the same publisher. It idles at nothing."""
    with publisher(looped(clip), f"{nginx.rtmp}/bench"):
        await asyncio.sleep(SETTLE_S)
        made, began, before = nginx.segments(), time.monotonic(), nginx.cpu_s()
        await asyncio.sleep(seconds)
        share = (nginx.cpu_s() - before) / (time.monotonic() - began) * 100
        if nginx.segments() == made and seconds > 4:
            raise RuntimeError("nginx made no segment")
    return share


async def measure_glass(server: Server, seconds: float, known: set[str]) -> tuple[list[float], list[float], float]:
    url, length = f"{server.rtmp}/{server.key}", str(seconds * 2 + 8)
    process = subprocess.Popen([sys.executable, "-m", "bench.broadcast", "--publish", url, length])  # noqa: ASYNC220
    try:
        stream_id = await live_stream(server.http, after=known)
        known.add(stream_id)
        await asyncio.sleep(2.5)
        whep = await watch_whep(server.http, stream_id, seconds)
        hls, hold_back_ms = await watch_hls(server.http, stream_id, seconds)
    finally:
        process.kill()
        process.wait()
    await end(server, stream_id)
    return whep, hls, hold_back_ms


async def measure_costs(
    server: Server, nginx: Nginx | None, clip: Path, options: argparse.Namespace, known: set[str]
) -> tuple[list[dict[str, float]], list[float]]:
    """Ours and theirs, in turns."""
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(await measure_cost(server, clip, options.cost_seconds, known))
        if nginx is not None:
            theirs.append(await measure_nginx(nginx, clip, options.cost_seconds))
    return ours, theirs


def cost_figures(ours: list[dict[str, float]], theirs: list[float], seconds: float) -> list[Figure]:
    """Media and node apart, and what is held against the bar: their sum. Short windows are printed, but not judged."""
    unit, one, is_judged = "% of a core", "RTMP publisher", seconds >= JUDGED_S
    both = [cost["media"] + cost["node"] for cost in ours]
    bar, against = (BAR_COST, theirs) if is_judged else (None, [])
    name = f"{one}, media and node above idle" + ("" if is_judged else f" ({seconds:g} s, too short to judge)")
    peer = "nginx, RTMP to HLS"
    found = [figure("broadcast", name, both, unit, better="lower", bar=bar, peer=peer, against=against)]
    for part in ("media", "node", "stores"):
        found.append(figure("broadcast", f"{one}, {part} above idle", [c[part] for c in ours], unit, better="lower"))
    for part, what in (("all", "all that media and node take"), ("idle", "of which with nothing live")):
        found.append(figure("broadcast", f"{one}, {what}", [c[part] for c in ours], unit, better="lower"))
    if theirs:
        found.append(figure("broadcast", f"{one}, {peer}", theirs, unit, better="lower"))
    return found


def glass_figures(whep: list[float], hls: list[float], hold_back_ms: float) -> list[Figure]:
    """The spread is over pictures."""
    if not whep or not hls:
        raise RuntimeError(f"pictures seen: {len(whep)} over WebRTC, {len(hls)} over HLS")
    held = [delay + hold_back_ms for delay in hls]
    return [
        figure("broadcast", "WHEP, glass to glass", whep, "ms", better="lower", bar=BAR_WHEP_MS),
        figure("broadcast", "LL-HLS, glass to glass with the hold-back", held, "ms", better="lower", bar=BAR_HLS_MS),
        figure("broadcast", "LL-HLS, glass to part in the player's hands", hls, "ms", better="lower"),
    ]


async def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder)
        nginx = start_nginx(folder / "nginx")
        server = Server(folder / "data")
        known: set[str] = set()
        try:
            starts = [await measure_start(server, clip, known) for _ in range(options.rounds)]
            ours, theirs = await measure_costs(server, nginx, clip, options, known)
            glass = await measure_glass(server, options.seconds, known)
        finally:
            server.stop()
            if nginx is not None:
                nginx.stop()
    start = figure("broadcast", "first byte to first playable part", starts, "s", better="lower", bar=BAR_START_S)
    report.hand_over([start, *glass_figures(*glass), *cost_figures(ours, theirs, options.cost_seconds)], options.json)
    return 0


def main(argv: list[str]) -> int:
    if argv[:1] == ["--publish"]:
        return publish_clock(argv[1], float(argv[2]))
    parser = argparse.ArgumentParser(prog="python -m bench broadcast", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="that each kind of viewer watches")
    parser.add_argument("--cost-seconds", type=float, default=30, help="of each measurement of CPU, counted in 10 ms")
    parser.add_argument("--rounds", type=int, default=3)
    report.options(parser)
    return asyncio.run(run(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
