"""Watching in Firefox, over WebRTC and over HLS, and going live from it.

Debian's Firefox plays H.264 with the system's libavcodec, but without Cisco's plug-in, which it fetches from the
internet, it neither sends nor takes H.264 over WebRTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import OnTheAir
from tests.e2e.firefox import PROGRAM, BidiSession, Firefox, FirefoxTab, steering
from tests.e2e.page import VIDEO, plays, sign_in
from tests.e2e.people import Account, Api
from tests.e2e.serving import Server
from tests.e2e.waiting import until
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Firefox"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]

MODE = "document.querySelector('.mode-chip')"
TAKES_H264 = "RTCRtpReceiver.getCapabilities('video').codecs.some(({mimeType}) => /h264/i.test(mimeType))"


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    running = Firefox()
    yield running
    running.close()


@pytest.fixture
async def session(firefox: Firefox, http: aiohttp.ClientSession) -> AsyncIterator[BidiSession]:
    async with steering(firefox, http) as opened:
        yield opened


@pytest.fixture
async def tab(session: BidiSession) -> FirefoxTab:
    return await session.tab()


async def test_firefox_watches_over_webrtc_or_is_told_why_not(server: Server, live: OnTheAir, tab: FirefoxTab) -> None:
    await tab.open(f"{server.url}/watch/{live.stream_id}")
    await plays(tab, within_s=30)
    if await tab.read(TAKES_H264):
        assert await tab.read(f"{VIDEO}.srcObject instanceof MediaStream")
    else:
        assert "LL-HLS" in await tab.read(f"{MODE}.innerText")
        assert "codec that this browser cannot play over WebRTC" in await tab.read(f"{MODE}.title")


async def test_firefox_watches_over_hls(server: Server, live: OnTheAir, tab: FirefoxTab, nobody: Api) -> None:
    await tab.open(f"{server.url}/login")
    await tab.read("localStorage.setItem('sf.playback', 'hls')")
    await tab.open(f"{server.url}/watch/{live.stream_id}")
    await plays(tab, within_s=30)
    assert await tab.read(f"{VIDEO}.srcObject === null && {VIDEO}.videoWidth") == 320
    await nobody.until_stream(live.stream_id, lambda stream: stream["viewers"] >= 1)


async def test_firefox_goes_live_also_without_h264(server: Server, owner: Account, session: BidiSession) -> None:
    studio = await session.tab()
    await sign_in(studio, server.url, owner.username)
    await studio.open(f"{server.url}/live")
    await studio.click("button", "Camera")
    await studio.until(f"{VIDEO}?.videoWidth > 0")
    await studio.type("input[name=title]", "From Firefox")
    await studio.click("button[type=submit]", "Start")
    await studio.text("You are on air", within_s=60)
    stream_id = (await owner.done("GET", f"streams?state=live&owner={owner.username}"))["items"][0]["id"]

    async def codec() -> str:
        return (await owner.done("GET", f"streams/{stream_id}/health"))["codec"] or ""

    assert await until(codec, what="the first report of the ingest") in ("h264", "vp8")

    viewer = await session.tab()  # not before: a page that is hidden does not poll
    await viewer.open(f"{server.url}/watch/{stream_id}")
    await plays(viewer, within_s=90)  # its first picture comes when the re-encoded stream has one
    await owner.done("POST", f"streams/{stream_id}/end")
