"""What the watch page does when something is in the way: a codec without a decoder, a server that restarts."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from tests.e2e.chromium import PROGRAM, Browser
from tests.e2e.page import VIDEO, plays
from tests.e2e.people import Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.serving import Server
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]

HEVC = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "keyint=30:bframes=0:log-level=none",
    "-b:v",
    "300k",
]
MODE = "document.querySelector('.mode-chip')"


async def test_a_broadcast_that_the_browser_cannot_decode_is_made_for_it(
    server: Server, browser: Browser, owner: Account
) -> None:
    made = await owner.prepare("In HEVC for everybody")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}", codec=HEVC):
        await owner.until_state(stream_id, "live")
        tab = await browser.tab()
        await tab.open(f"{server.url}/watch/{stream_id}")
        await plays(tab, within_s=30)
    await owner.done("POST", f"streams/{stream_id}/end")


async def test_a_broadcast_that_the_browser_cannot_decode_is_named_with_the_reason_where_none_is_made(
    server: Server, browser: Browser, owner: Account
) -> None:
    made = await owner.prepare("In HEVC", transcode="off")
    stream_id = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}", codec=HEVC):
        await owner.until_state(stream_id, "live")
        tab = await browser.tab()
        await tab.open(f"{server.url}/watch/{stream_id}")
        await tab.text("This browser cannot play the broadcast", "It is sent as HEVC (H.265)", within_s=30)
        assert not [problem for problem in tab.problems if "exception" in problem]
    await owner.done("POST", f"streams/{stream_id}/end")


async def test_after_a_restart_of_the_server_its_viewers_go_on_over_webrtc(
    own_server: Server, browser: Browser, http: aiohttp.ClientSession
) -> None:
    server = own_server.start()
    person = await register(http, server.url, "restarted")
    made = await person.prepare("There and back")
    stream_id = made["stream"]["id"]
    tab = await browser.tab()
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}"):
        await person.until_state(stream_id, "live")
        await tab.open(f"{server.url}/watch/{stream_id}")
        await plays(tab)
        server.kill()
    # Until the page has noticed that it gets no more media, and has asked in vain.
    await tab.until("!!document.querySelector('.overlay')", within_s=30)
    server.flags = ("--http-port", str(server.http_port), "--rtmp-port", "0", "--webrtc-port", "0")
    server.start()
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}"):
        await Api(http, server.url).until_state(stream_id, "live")
        await tab.until("!document.querySelector('.overlay')", within_s=30)
        await plays(tab, within_s=30)
        how = await tab.read(f"{MODE}.innerText + ': ' + {MODE}.title")
        assert await tab.read(f"({VIDEO}.srcObject instanceof MediaStream)"), how
        assert "WebRTC" in how
        assert "publisher" not in await tab.read(f"{MODE}.title")
        assert "cannot be reached" not in await tab.read(f"{MODE}.title + document.body.innerText")
