"""How soon is a broadcast seen in hls.js, how late, and how fast does it seek and switch? With Chromium.

``python -m bench player`` starts a server of its own and publishes pictures that carry the clock to it, over RTMP with
a key frame every 2 s. A headless Chromium plays them with hls.js, as it comes and in its low-latency mode:

* *start*: from the capture of the first picture to a picture on the screen, of a player that is opened once the stream
  is told live.
* *glass*: how long ago what is on the screen was captured; of the source, and of a rendition that is made of it.
  hls.js does not catch up by itself: what it stood still for is in what follows.
* *switch*: for how long the player stood still around changes of rendition.
* *seek*: from a jump back into what has been shown to a picture from there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from bench import report
from bench.broadcast_server import Server
from bench.glass import BITS, BLOCK, publish_clock
from bench.publishing import HEIGHT, WIDTH, end, live_stream
from bench.report import Figure, figure
from tests.e2e.chromium import Chromium, Tab, browsing

START_BAR_S, GLASS_BAR_MS, SEEK_BAR_MS = 1.0, 1_200.0, 300.0
LENGTH_S: Final = 180.0
SETTLE_S: Final = 6.0
HLS_JS: Final = Path(__file__).parents[1] / "server/web/node_modules/hls.js/dist/hls.min.js"

PAGE: Final = f"""<!doctype html><title>bench</title><script src="/hls.js"></script>
<video muted playsinline width="{WIDTH}" height="{HEIGHT}"></video><script>
const video = document.querySelector("video");
const canvas = new OffscreenCanvas({WIDTH}, {HEIGHT});
const pen = canvas.getContext("2d", {{ willReadFrequently: true }});
let hls, seen = [], stalls = [], stoodAt = 0, firstAt = 0;
function clock() {{
  pen.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
  const data = pen.getImageData(0, {BLOCK // 2}, {BITS * BLOCK}, 1).data;
  let value = 0;
  for (let bit = 0; bit < {BITS}; bit++) value = value * 2 + (data[(bit * {BLOCK} + {BLOCK // 2}) * 4] > 128 ? 1 : 0);
  return value;
}}
function look() {{
  firstAt ||= Date.now();
  if (!video.seeking && seen.length < 20000) seen.push(Date.now() % 2 ** {BITS} - clock());
  video.requestVideoFrameCallback(look);
}}
video.addEventListener("waiting", () => (stoodAt = performance.now()));
video.addEventListener("playing", () => {{ if (stoodAt) stalls.push(performance.now() - stoodAt); stoodAt = 0; }});
function play(url) {{
  hls = new Hls({{ lowLatencyMode: true, enableWorker: false }});
  hls.loadSource(url);
  hls.attachMedia(video);
  video.requestVideoFrameCallback(look);
  video.play();
}}
function taken() {{ const all = {{ seen, stalls }}; seen = []; stalls = []; return all; }}
function shown() {{ return new Promise((done) => video.requestVideoFrameCallback(done)); }}
async function seek(to) {{
  const begun = performance.now();
  video.currentTime = to;
  await new Promise((done) => video.addEventListener("seeked", done, {{ once: true }}));
  await shown();
  return performance.now() - begun;
}}
</script>"""


async def serve_page() -> tuple[web.AppRunner, str]:
    """A site of its own, as a page that embeds the player would be."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def library(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(HLS_JS)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/hls.js", library)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/"


@contextmanager
def publishing(server: Server) -> Iterator[subprocess.Popen[str]]:
    """The first line that it prints is when the first picture was captured, in ms since the epoch."""
    command = [sys.executable, "-m", "bench.player", "--publish", f"{server.rtmp}/{server.key}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def begun_at(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(await asyncio.to_thread(process.stdout.readline))


class Bench:
    """One server and one browser; the publisher comes and goes."""

    def __init__(self, server: Server, tab: Tab, page: str) -> None:
        self._server = server
        self._tab = tab
        self._page = page
        self._known: set[str] = set()

    async def open(self, stream_id: str, query: str = "") -> None:
        """In a page of its own."""
        await self._tab.open(self._page)
        await self._tab.read(f"play({json.dumps(f'{self._server.http}/hls/{stream_id}/index.m3u8{query}')})")

    async def begin(self) -> str:
        stream_id = await live_stream(self._server.http, after=self._known)
        self._known.add(stream_id)
        return stream_id

    async def start(self) -> float:
        """Seconds from the capture of the first picture until one is seen."""
        with publishing(self._server) as process:
            stream_id = await self.begin()
            await self.open(stream_id)
            await self._tab.until("firstAt > 0", within_s=30)
            shown_at = float(await self._tab.read("firstAt"))
            took = (shown_at % (1 << BITS) - await begun_at(process)) / 1000
        await end(self._server, stream_id)
        return took

    async def watch(self, seconds: float) -> dict[str, list[float]]:
        """``seen``: the delays of pictures, ``stalls``: both in ms. What is there of both begins anew with it."""
        await self._tab.read("taken()")
        await asyncio.sleep(seconds)
        taken: dict[str, list[float]] = await self._tab.read("taken()")
        return taken

    async def stood_still(self, level: str) -> float:
        """Switch to the best (``max``) or the least (``min``) rendition; for how many ms no picture went on."""
        await self._tab.read("taken()")
        heights = "hls.levels.map(l => l.height)"
        await self._tab.read(f"hls.nextLevel = {heights}.indexOf(Math.{level}(...{heights}))")
        wanted = f"video.videoHeight === Math.{level}(...{heights})"
        await self._tab.until(wanted, within_s=30)
        await asyncio.sleep(SETTLE_S / 3)
        return float(sum((await self._tab.read("taken()"))["stalls"]))

    async def seeks(self, rounds: int) -> list[float]:
        """Back to what is not buffered any more, in ms."""
        return [float(await self._tab.read(f"seek({2 + 3.7 * number})")) for number in range(rounds)]

    async def figures(self, options: argparse.Namespace) -> list[Figure]:
        starts = [await self.start() for _ in range(options.rounds)]
        with publishing(self._server):
            stream_id = await self.begin()
            await self.open(stream_id)
            await asyncio.sleep(SETTLE_S)
            source = await self.watch(options.seconds)
            cold = await self.stood_still("min")
            await asyncio.sleep(SETTLE_S)
            warm = [await self.stood_still(level) for level in ("max", "min")]
            made = await self.watch(options.seconds)
            await self.open(stream_id, "?dvr=1")
            await asyncio.sleep(SETTLE_S)
            seeks = await self.seeks(options.seeks)
        await end(self._server, stream_id)
        return [
            figure("player", "first picture after the first key frame", starts, "s", better="lower", bar=START_BAR_S),
            figure("player", "glass to glass, the source", source["seen"], "ms", better="lower", bar=GLASS_BAR_MS),
            figure("player", "glass to glass, what is made", made["seen"], "ms", better="lower", bar=GLASS_BAR_MS),
            figure("player", "stood still, to what is made", warm, "ms", better="lower", bar=0.0),
            figure("player", "stood still, to what nobody watched before", [cold], "ms", better="lower"),
            figure("player", "jump back while live", seeks, "ms", better="lower", bar=SEEK_BAR_MS),
        ]


async def run(options: argparse.Namespace) -> int:
    runner, page = await serve_page()
    chromium = Chromium()
    try:
        with tempfile.TemporaryDirectory() as name:
            server = Server(Path(name) / "data")
            try:
                async with aiohttp.ClientSession() as http, browsing(chromium, http) as browser:
                    found = await Bench(server, await browser.tab(), page).figures(options)
            finally:
                server.stop()
    finally:
        chromium.close()
        await runner.cleanup()
    report.hand_over(found, options.json)
    return 0


def main(argv: list[str]) -> int:
    if argv[:1] == ["--publish"]:
        return publish_clock(argv[1], LENGTH_S, on_first=lambda at: print(at, flush=True))
    parser = argparse.ArgumentParser(prog="python -m bench player", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="that each kind of rendition is watched")
    parser.add_argument("--rounds", type=int, default=5, help="starts")
    parser.add_argument("--seeks", type=int, default=5)
    report.options(parser)
    return asyncio.run(run(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
