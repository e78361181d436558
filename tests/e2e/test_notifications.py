"""A notification reaches an open page, is read there, and is switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.chromium import PROGRAM, Browser
from tests.e2e.conftest import NewPerson
from tests.e2e.page import sign_in
from tests.e2e.serving import Server
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_follow_rings_the_bell_and_is_read(
    server: Server, browser: Browser, someone: NewPerson, language: str
) -> None:
    ada, bob = await someone(), await someone()
    tab = await browser.tab()
    await tab.open(server.url)
    await tab.read(f"localStorage.setItem('sf.language', '{language}')")
    await sign_in(tab, server.url, ada.username)
    await tab.until("!!document.querySelector('.bell')")
    await bob.done("PUT", f"/api/v1/users/{ada.username}/follow")
    await tab.until("document.querySelector('.bell-count')?.textContent === '1'")
    await tab.click(".bell")
    await tab.until(f"document.querySelector('.notification-unread')?.textContent.includes('{bob.username}')")
    await tab.click(".notifications-head button")
    await tab.until("!document.querySelector('.bell-count') && !document.querySelector('.notification-unread')")
    await tab.click(".notifications-head a")
    await tab.click("fieldset input[type=checkbox]")
    await tab.until("!!document.querySelector('.toast')")
    settings = await ada.done("GET", "/api/v1/me/notification-settings")
    assert settings["kinds"]["mention"] == {"in_app": False, "push": True, "email": False}
