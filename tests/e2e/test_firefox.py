"""Watching in Firefox, over WebRTC and over HLS.

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
from tests.e2e.page import VIDEO, plays
from tests.e2e.people import Api
from tests.e2e.serving import Server
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
