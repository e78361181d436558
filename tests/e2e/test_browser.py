"""The page in a real browser: look around, watch, go live, talk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.chromium import PROGRAM, Browser, Tab
from tests.e2e.conftest import NewPerson, OnTheAir
from tests.e2e.page import VIDEO, plays, sign_in
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.serving import Server
from tests.e2e.talking import talker
from tests.e2e.waiting import until
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]

# What has the focus, and whether a ring shows it; a card's link rings its picture.
FOCUSED = """JSON.stringify((at => {
  const ringed = [at, at.closest('.card')?.querySelector('.thumb')].filter(Boolean);
  const isRinged = ringed.some(e => getComputedStyle(e).outlineStyle !== 'none');
  return [at !== document.body && (at.innerText || at.ariaLabel), isRinged];
})(document.activeElement))"""


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab in which nothing may go wrong."""
    opened = await browser.tab()
    yield opened
    assert opened.problems == []


async def test_home_shows_the_live_stream_with_its_picture(server: Server, live: OnTheAir, tab: Tab) -> None:
    await tab.open(server.url)
    await tab.text(live.title)
    await tab.until(f"!!document.querySelector('a[href=\"/watch/{live.stream_id}\"]')")
    await tab.until("[...document.querySelectorAll('img')].some(img => img.naturalWidth > 0)")
    await tab.click(f'a[href="/watch/{live.stream_id}"]')
    await tab.until(f"location.pathname === '/watch/{live.stream_id}'")
    await plays(tab)


@pytest.mark.parametrize("transport", ["hls", "webrtc"])
async def test_the_watch_page_plays_over(server: Server, live: OnTheAir, nobody: Api, tab: Tab, transport: str) -> None:
    await tab.open(f"{server.url}/login")
    await tab.read(f"localStorage.setItem('sf.playback', '{transport}')")
    await tab.open(f"{server.url}/watch/{live.stream_id}")
    await plays(tab)
    assert await tab.read(f"({VIDEO}.srcObject instanceof MediaStream)") is (transport == "webrtc")
    await nobody.until_stream(live.stream_id, lambda stream: stream["viewers"] >= 1)


async def test_a_recording_plays_from_its_beginning_with_its_chat(
    server: Server, live: OnTheAir, owner: Account, tab: Tab
) -> None:
    stream_id = await _recorded(server, owner)
    await tab.open(f"{server.url}/watch/{stream_id}")
    await tab.until(f"!!{VIDEO}")
    await plays(tab, seconds=1)
    await tab.text("said while live")


async def _recorded(server: Server, owner: Account) -> str:
    made = await owner.prepare("Seen later")
    stream_id: str = made["stream"]["id"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}"):
        await owner.until_state(stream_id, "live")
        async with talker(server.url, owner.token) as socket:
            body = {"room_id": made["stream"]["chat"]["room_id"], "text": "said while live", "client_id": "1"}
            await socket.ok("chat:send", body)

        async def has_segments() -> bool:
            answer = await owner.call("GET", f"/hls/{stream_id}/video.m3u8")
            return answer.text.count("#EXTINF") >= 2

        await until(has_segments, within_s=30, what="segments")
        await owner.done("POST", f"streams/{stream_id}/end")
    return stream_id


async def test_somebody_signs_up_with_the_keyboard_alone(server: Server, tab: Tab, nobody: Api) -> None:
    await tab.open(f"{server.url}/register")
    await tab.until("!!document.querySelector('input[name=username]')")
    await tab.read("document.querySelector('input[name=username]').focus()")
    name = "keyboard_" + str(server.http_port)
    for text in (name, f"{name}@example.com", PASSWORD):
        await tab.call("Input.insertText", text=text)
        await tab.press("Tab", 9)
    await tab.read("document.querySelector('input[name=password]').focus()")
    await tab.press("Enter", 13, "\r")
    await tab.until(f"!!document.querySelector('[aria-label*=\"@{name}\"]')")
    assert (await nobody.done("GET", f"users/{name}"))["username"] == name


async def test_a_form_says_what_is_wrong_and_puts_the_focus_there(
    server: Server, browser: Browser, owner: Account
) -> None:
    tab = await browser.tab()
    await tab.open(f"{server.url}/register")
    await tab.type("input[name=username]", owner.username)
    await tab.type("input[name=email]", "not an address")
    await tab.type("input[name=password]", "x")
    await tab.click("button[type=submit]")
    await tab.until("document.querySelectorAll('[aria-invalid=true]').length >= 1")
    await tab.until("document.activeElement?.getAttribute('aria-invalid') === 'true'")


async def test_the_keyboard_reaches_the_content_and_shows_where_it_is(server: Server, live: OnTheAir, tab: Tab) -> None:
    await tab.open(server.url)
    await tab.text(live.title)
    await tab.press("Tab", 9)
    assert await tab.read("document.activeElement.className") == "skip"
    reached = []
    for _ in range(20):
        await tab.press("Tab", 9)
        reached.append(json.loads(await tab.read(FOCUSED)))
    assert any("Go live" in (name or "") for name, _ in reached)
    assert any(live.title in (name or "") for name, _ in reached)
    assert all(is_shown for name, is_shown in reached if name), reached


async def test_two_tabs_talk(server: Server, live: OnTheAir, browser: Browser, someone: NewPerson) -> None:
    one, two = await browser.tab(), await browser.tab()
    for tab, person in ((one, await someone("anna")), (two, await someone("ben"))):
        await sign_in(tab, server.url, person.username)
        await tab.open(f"{server.url}/watch/{live.stream_id}")
        await tab.until("!!document.querySelector('#chat-text')")
    for tab, other, text in ((one, two, "hello from anna <b>&"), (two, one, "hello back \U0001f389")):
        await tab.until("!document.querySelector('#chat-text').disabled")
        await tab.type("#chat-text", text)
        await tab.press("Enter", 13, "\r")
        await other.text(text)
        await tab.text(text)
    assert one.problems == two.problems == []


async def _go_live(studio: Tab, server: Server, person: Account, title: str) -> None:
    await sign_in(studio, server.url, person.username)
    await studio.open(f"{server.url}/live")
    await studio.click("button", "Camera")
    await studio.until(f"{VIDEO} && {VIDEO}.videoWidth > 0")
    await studio.type("input[name=title]", title)
    await studio.click("button[type=submit]", "Start")
    await studio.text("You are on air")


async def test_a_camera_goes_live_and_is_watched(server: Server, browser: Browser, owner: Account, nobody: Api) -> None:
    studio, viewer = await browser.tab(), await browser.tab()
    await _go_live(studio, server, owner, "From the camera")

    async def is_listed() -> str:
        items = (await nobody.done("GET", f"streams?state=live&owner={owner.username}"))["items"]
        return str(items[0]["id"]) if items else ""

    stream_id = await until(is_listed, what="the stream in the list")
    await viewer.open(f"{server.url}/watch/{stream_id}")
    await plays(viewer)
    await nobody.until_stream(stream_id, lambda stream: stream["viewers"] >= 1)
    health = await owner.done("GET", f"streams/{stream_id}/health")
    assert health["fps"] > 5
    assert studio.problems == viewer.problems == []
    await studio.click("button", "End the broadcast")
    await owner.until_state(stream_id, "ended")
    await viewer.until("/ended|over|recording/i.test(document.body.innerText)")
    assert studio.problems == viewer.problems == []


async def test_a_camera_comes_back_as_soon_as_the_server_misses_it(
    own_server: Server, browser: Browser, http: aiohttp.ClientSession
) -> None:
    """The browser's own connection takes half a minute to notice, as long as the server keeps the stream for it."""
    server = own_server.start()
    person = await register(http, server.url, "studio")
    studio = await browser.tab()
    await _go_live(studio, server, person, "There and back")
    stream_id = (await person.done("GET", f"streams?state=live&owner={person.username}"))["items"][0]["id"]
    server.child("server.media_process").kill()
    await person.until_state(stream_id, "interrupted")
    await person.until_state(stream_id, "live", within_s=30)
    await studio.text("You are on air")


@pytest.mark.parametrize("path", ["/@nobody_here", "/watch/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "/watch/nonsense"])
async def test_what_is_not_there_is_said_in_words(server: Server, browser: Browser, path: str) -> None:
    tab = await browser.tab()
    await tab.open(f"{server.url}{path}")
    await tab.until("document.querySelector('main')?.innerText.length > 20")
    await tab.until("!!document.querySelector('main a[href=\"/\"]')")
    assert not [problem for problem in tab.problems if "exception" in problem or "Content Security" in problem]
