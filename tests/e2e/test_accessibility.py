"""The pages for who cannot see them, or uses the keyboard alone: axe-core's rules, tab stops, what is on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.chromium import PROGRAM, Browser, Tab
from tests.e2e.conftest import NewPerson, OnTheAir
from tests.e2e.page import VIDEO, sign_in
from tests.e2e.people import Account
from tests.e2e.serving import Server
from tests.e2e.talking import talker
from tests.tools import needs

AXE = Path("server/web/node_modules/axe-core/axe.min.js")

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
    needs(AXE.exists(), "axe-core, a package of the web client"),
]

# Every rule of WCAG 2.2 AA, and those that axe-core recommends or still tries out.
RUN = """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice',
  'experimental']}).then(({violations, passes}) => JSON.stringify([passes.length,
  violations.map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 200))])]))"""

# The page has its heading, and nothing moves on its way to where it stays.
IS_STILL = """!!document.querySelector('h1') && document.getAnimations().every(
  ({playState, effect}) => playState === 'finished' || effect.getComputedTiming().endTime === Infinity)"""


@pytest.fixture
async def tab(browser: Browser) -> Tab:
    opened = await browser.tab()
    await _size(opened, 1440, 900)
    return opened


async def _size(tab: Tab, width: int, height: int) -> None:
    await tab.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
    )


async def _check(tab: Tab, where: str) -> None:
    await tab.until(IS_STILL)
    if await tab.read("typeof axe") == "undefined":
        await tab.read(AXE.read_text() + "; 0")
    passed, violations = json.loads(await tab.read(RUN))
    assert violations == [], where
    assert passed > 10


async def test_the_pages_for_guests_keep_the_rules(server: Server, live: OnTheAir, tab: Tab) -> None:
    pages = {
        "/": f"[...document.querySelectorAll('a')].some(a => a.href.includes('{live.stream_id}'))",
        "/login": "!!document.querySelector('input[name=login]')",
        "/register": "!!document.querySelector('input[name=username]')",
        "/live": "document.body.innerText.includes('Sign in')",
        "/undo-email#token=x": "!!document.querySelector('form button[type=submit]')",
        "/export#token=x": "document.body.innerText.includes('Sign in with the account')",
        "/goodbye#until=2026-12-29T10:00:00Z": "document.body.innerText.includes('Your account is hidden')",
        f"/watch/{live.stream_id}": f"{VIDEO}?.readyState >= 2",
    }
    for path, is_drawn in pages.items():
        await tab.open("about:blank")  # a change of the fragment alone would load nothing
        await tab.open(server.url + path)
        await tab.until(is_drawn)
        for width, scheme in ((1440, "light"), (390, "dark")):
            await _size(tab, width, 900)
            await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            await _check(tab, f"{path} in {scheme}")


async def test_the_pages_keep_the_rules_in_arabic_from_right_to_left(
    server: Server, live: OnTheAir, tab: Tab, someone: NewPerson
) -> None:
    person = await someone("arabic")
    await sign_in(tab, server.url, person.username)
    await tab.click("button", "العربية")
    await tab.until("document.documentElement.lang === 'ar' && document.documentElement.dir === 'rtl'")
    pages = {
        "/": "document.body.innerText.includes('مباشر الآن')",
        "/search?q=nothing-like-this": "document.body.innerText.includes('لا توجد نتائج')",
        "/settings": "!!document.querySelector('textarea')",
        "/settings/appearance": "!!document.querySelector('input[name=language]')",
        "/settings/security": "!!document.querySelector('input[name=new_password]')",
        "/settings/account": "!!document.querySelector('#deletion')",
        "/settings/data": "!!document.querySelector('#archives')",
        "/live": "!!document.querySelector('input[name=title]')",
        f"/@{person.username}": "document.body.innerText.includes('لا منشورات بعد')",
        f"/watch/{live.stream_id}": f"{VIDEO}?.readyState >= 2 && !!document.querySelector('#chat-text')",
    }
    for path, is_drawn in pages.items():
        await tab.open(server.url + path)
        await tab.until(f"document.documentElement.dir === 'rtl' && {is_drawn}")
        for width in (1440, 390):
            await _size(tab, width, 900)
            assert await tab.read("document.documentElement.scrollWidth <= innerWidth"), path
        await _check(tab, path)


async def test_the_watch_page_of_a_person_keeps_the_rules(
    server: Server, live: OnTheAir, tab: Tab, someone: NewPerson
) -> None:
    person = await someone("reader")
    await sign_in(tab, server.url, person.username)
    await tab.open(f"{server.url}/watch/{live.stream_id}")
    await tab.until(f"{VIDEO}?.readyState >= 2 && !!document.querySelector('#chat-text')")
    await _check(tab, "the watch page")
    await tab.click("button", "Playback settings")
    await tab.until("!!document.querySelector('.settings-panel')")
    await _check(tab, "the player's settings")


ACCOUNT_PAGES = (
    "/login#error=denied",
    "/register",
    "/forgot",
    "/reset#token=a",
    "/verify#token=a",
    "/confirm-provider#token=a",
)
OWN_PAGES = (
    "/settings/security", "/settings/tokens", "/settings/device", "/settings/notifications", "/settings/emotes",
    "/settings/goals", "/notifications", "/dashboard", "/calls",
)  # fmt: skip
ADMIN_PAGES = tuple(f"/admin/{name}" for name in ("overview", "people", "audit", "jobs", "mail", "cluster"))


@pytest.mark.parametrize(
    ("language", "scheme", "width", "for_guests", "for_admins"),
    [
        ("en", "light", 1440, ACCOUNT_PAGES, OWN_PAGES),
        ("ar", "dark", 390, ACCOUNT_PAGES, ("/settings/profile", *OWN_PAGES, *ADMIN_PAGES)),
    ],
)
async def test_the_pages_of_accounts_and_administration_keep_the_rules(
    server: Server,
    tab: Tab,
    admin: str,
    language: str,
    scheme: str,
    width: int,
    for_guests: tuple[str, ...],
    for_admins: tuple[str, ...],
) -> None:
    await _size(tab, width, 900)
    await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await tab.open(f"{server.url}/login")
    await tab.read(f"localStorage.setItem('sf.language', '{language}')")
    for path in for_guests:
        await _check_page(tab, server.url, path)
    await sign_in(tab, server.url, admin)
    for path in for_admins:
        await _check_page(tab, server.url, path)


async def _check_page(tab: Tab, url: str, path: str) -> None:
    """Once what it loads is there."""
    await tab.open("about:blank")  # a change of the fragment alone would load nothing
    await tab.open(url + path)
    await tab.until("!!document.querySelector('main h1') && !document.querySelector('main .spinner')")
    await _check(tab, path)
    assert await tab.read("document.documentElement.scrollWidth <= innerWidth"), path


async def test_names_in_the_chat_are_no_tab_stops_but_for_the_chosen_message(
    server: Server, live: OnTheAir, tab: Tab
) -> None:
    async with talker(server.url, live.owner_token) as socket:
        for number in range(3):
            body = {"room_id": live.room_id, "text": f"line {number}", "client_id": f"stops-{number}"}
            await socket.ok("chat:send", body)
    await tab.open(f"{server.url}/watch/{live.stream_id}")
    await tab.text("line 2")
    await tab.read("document.querySelector('.chat-scroller').focus()")
    await tab.press("Tab", 9)
    assert not await tab.read("!!document.activeElement.closest('.chat-list')")
    await tab.read("document.querySelector('.chat-scroller').focus()")
    await tab.press("ArrowUp", 38)
    await tab.press("Tab", 9)
    assert await tab.read("document.activeElement.closest('.message-name')?.innerText")


async def test_the_composer_is_on_the_screen_of_a_laptop(server: Server, tab: Tab, owner: Account) -> None:
    await sign_in(tab, server.url, owner.username)
    await tab.open(f"{server.url}/live")
    await tab.text("choose a camera, your screen or a microphone first")
    await tab.click("button", "Camera")
    await tab.until(f"{VIDEO}?.videoWidth > 0")
    await tab.type("input[name=title]", "On a laptop")
    await tab.click("button[type=submit]", "Start")
    bottom = "document.querySelector('.composer')?.getBoundingClientRect().bottom"
    await tab.until(f"{bottom} > 0")
    assert await tab.read(f"{bottom} <= innerHeight")
    address = await tab.read("document.querySelector('#watch-link').value")
    await tab.click("button", "End the broadcast")
    await owner.until_state(address.rpartition("/")[2], "ended")
