"""Chromium publishes its fake camera by WHIP and watches the same stream by WHEP."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from media.webrtc.errors import OfferRefused
from tests.media.webrtc.clients import RelayPublication, Stage, stage
from tests.tools import needs

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS = (  # noqa: SIM905
    "--headless --no-sandbox --use-fake-device-for-media-stream --use-fake-ui-for-media-stream --disable-gpu "
    "--no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--autoplay-policy=no-user-gesture-required"
).split()

_PAGE = """<!doctype html><video id=v autoplay muted playsinline></video><script>
const say = (name, data) => fetch('/say/' + name, {method: 'POST', body: JSON.stringify(data)})
const wait = ms => new Promise(r => setTimeout(r, ms))
async function join(peer, url) {
  await peer.setLocalDescription(await peer.createOffer())
  const answer = await fetch(url, {method: 'POST', body: peer.localDescription.sdp,
                                   headers: {'Content-Type': 'application/sdp'}})
  if (answer.status != 201) throw new Error(await answer.text())
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()})
}
async function run() {
  const camera = await navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}, audio: true})
  const publisher = new RTCPeerConnection({bundlePolicy: 'max-bundle'})
  for (const track of camera.getTracks())
    publisher.addTransceiver(track, {direction: 'sendonly', sendEncodings: ENCODINGS[track.kind]})
  await join(publisher, '/whip')
  await say('published', {})
  await wait(1500)
  const viewer = new RTCPeerConnection({bundlePolicy: 'max-bundle'})
  const stream = new MediaStream()
  viewer.ontrack = event => { stream.addTrack(event.track); v.srcObject = stream }
  viewer.addTransceiver('video', {direction: 'recvonly'})
  viewer.addTransceiver('audio', {direction: 'recvonly'})
  await join(viewer, '/whep')
  await v.play()
  let result = {}
  for (let i = 0; i < 40 && !(result.frames > 45 && result.audio > 100); i++) {
    await wait(250)
    const told = await viewer.getStats()
    for (const r of told.values()) {
      if (r.type == 'candidate-pair' && r.nominated) result.protocol = told.get(r.localCandidateId).protocol
      if (r.type != 'inbound-rtp') continue
      if (r.kind == 'video') Object.assign(result, {frames: r.framesDecoded, width: r.frameWidth, lost: r.packetsLost})
      else result.audio = r.packetsReceived
    }
  }
  result.time = v.currentTime
  for (const r of (await publisher.getStats()).values())
    if (r.type == 'outbound-rtp' && r.kind == 'video' && r.active !== false) {
      result.keys = r.keyFramesEncoded
      result.sent_width = r.frameWidth
      result.target = r.targetBitrate
    }
  await say('watched', result)
}
run().catch(error => say('failed', String(error)))
</script>"""


class _BrowserFixture:
    """The page, the two HTTP endpoints and what the page says. Candidates of the blocked protocol lead nowhere."""

    def __init__(self, made: Stage, encodings: str, blocked: str) -> None:
        self._blocked = blocked
        self.stage = made
        self.publication = RelayPublication()
        self.said: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._encodings = encodings

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._page),
                web.post("/whip", self._whip),
                web.post("/whep", self._whep),
                web.post("/say/{name}", self._say),
            ]
        )
        return app

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE.replace("ENCODINGS", self._encodings), content_type="text/html")

    async def _say(self, request: web.Request) -> web.Response:
        self.said.put_nowait((request.match_info["name"], await request.json(loads=_loads)))
        return web.Response()

    async def _whip(self, request: web.Request) -> web.Response:
        text = await request.text()
        return await self._answer(self.stage.whip.offer(sdp=text, publication=self.publication, resource_id="p"))

    async def _whep(self, request: web.Request) -> web.Response:
        text = await request.text()
        offered = self.stage.whep.offer(
            sdp=text, relay=self.publication.relay, resource_id="v", want_keyframe=self.publication.want_keyframe
        )
        return await self._answer(offered)

    async def _answer(self, offered: Any) -> web.Response:
        try:
            lines = (await offered).split("\r\n")
            reachable = [line for line in lines if not (line.startswith("a=candidate") and self._blocked in line)]
            return web.Response(status=201, text="\r\n".join(reachable), content_type="application/sdp")
        except OfferRefused as refused:
            return web.Response(status=refused.status, text=str(refused))


def _loads(text: str) -> Any:
    import json

    return json.loads(text)


@asynccontextmanager
async def _browser(url: str, profile: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        str(_CHROMIUM),
        *_FLAGS,
        f"--user-data-dir={profile}",
        url,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _run(tmp_path: Path, encodings: str, *, blocked: str = " none ") -> tuple[_BrowserFixture, dict[str, Any]]:
    async with stage(has_tcp=True) as made:
        fixture_node = _BrowserFixture(made, encodings, blocked)
        runner = web.AppRunner(fixture_node.app())
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        host, port = runner.addresses[0][:2]
        try:
            async with _browser(f"http://{host}:{port}/", tmp_path), asyncio.timeout(60):
                name, result = "", {}
                while name not in {"watched", "failed"}:
                    name, result = await fixture_node.said.get()
        finally:
            await runner.cleanup()
        assert name == "watched", result
        return fixture_node, result


@needs(_CHROMIUM, "chromium")
async def test_chromium_publishes_and_watches(tmp_path: Path) -> None:
    fixture_node, result = await _run(tmp_path, "{video: [{}], audio: [{}]}")
    print(result, fixture_node.publication.configured)
    assert result["frames"] > 45
    assert result["audio"] > 100
    assert fixture_node.publication.configured[0][0].codec == "h264"
    assert fixture_node.publication.count("video", keys=True) >= 2
    assert result["protocol"] == "udp"


@needs(_CHROMIUM, "chromium")
async def test_chromium_without_udp_publishes_and_watches_over_tcp(tmp_path: Path) -> None:
    fixture_node, result = await _run(tmp_path, "{video: [{}], audio: [{}]}", blocked=" udp ")
    print(result, fixture_node.publication.configured)
    assert result["frames"] > 45
    assert result["audio"] > 100
    assert result["protocol"] == "tcp"
    assert fixture_node.stage.port.tcp.totals.refused == 0


@needs(_CHROMIUM, "chromium")
async def test_chromium_offers_layers_and_the_first_is_taken(tmp_path: Path) -> None:
    layers = "[{rid: 'h', maxBitrate: 2500000}, {rid: 'l', maxBitrate: 300000, scaleResolutionDownBy: 4}]"
    fixture_node, result = await _run(tmp_path, "{video: " + layers + ", audio: [{}]}")
    print(result, fixture_node.publication.configured)
    assert result["frames"] > 45
    widths = {
        track.width for tracks in fixture_node.publication.configured for track in tracks if track.kind == "video"
    }
    assert max(widths) > 320
