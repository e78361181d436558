"""Accounts as people use them in a browser: mails, passkeys, second factors, a provider, tokens, devices."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from tests.e2e.chromium import PROGRAM, Browser, Tab
from tests.e2e.conftest import NewPerson
from tests.e2e.page import sign_in, sign_in_with
from tests.e2e.people import PASSWORD, Account, Api
from tests.e2e.serving import Server
from tests.e2e.waiting import until
from tests.server.features.oauth.real_provider import needs_provider, real_provider
from tests.tools import needs

pytestmark = [
    needs(PROGRAM, "Chromium"),
    needs(Path("server/web/dist/index.html").exists(), "the built web client"),
]

NEXT_STEP_S = 30
SECURITY = "/settings/security"
INTERNAL = {"transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
USB = {**INTERNAL, "transport": "usb"}

_numbers = itertools.count(1)


@pytest.fixture
def url(server: Server) -> str:
    """Passkeys are for hosts with a name."""
    return server.url.replace("127.0.0.1", "localhost")


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab in which nothing may go wrong, but for requests that are refused as they should be."""
    opened = await browser.tab()
    yield opened
    assert [problem for problem in opened.problems if "the server responded with a status of 4" not in problem] == []


async def _is_signed_in(tab: Tab, username: str) -> None:
    await tab.until(f"!!document.querySelector('[aria-label*=\"@{username}\"]')")


async def _sign_out(tab: Tab, url: str) -> None:
    await tab.open(f"{url}/settings/device")
    await tab.click("main button", "Sign out")
    await tab.until("location.pathname === '/' && !!document.querySelector('header a[href^=\"/login\"]')")


async def _mailed_link(admin: Tab, url: str, address: str, subject: str) -> str:
    """The link of the mail to the address whose subject begins so, as an operator reads it."""
    await admin.open(f"{url}/admin/mail")
    await admin.type("input[name=address]", address)
    await until(lambda: _is_listed(admin, f"Read “{subject}", address), what="the mail")
    await admin.click(".mail-item button", f"Read “{subject}")
    await admin.until("!!document.querySelector('.mail-text a')")
    return url + _path(await admin.read("document.querySelector('.mail-text a').href"))


async def _is_listed(admin: Tab, label: str, address: str) -> bool:
    await admin.click("form[role=search] button[type=submit]", "Show")
    labels: list[str] = await admin.read("[...document.querySelectorAll('.mail-item button')].map(e => e.ariaLabel)")
    return bool(labels) and all(address in one for one in labels) and any(label in one for one in labels)


def _path(address: str) -> str:
    return address[address.index("/", len("https://")) :]


async def test_an_account_is_verified_by_mail_and_its_forgotten_password_replaced(
    url: str, browser: Browser, tab: Tab, admin: str, nobody: Api
) -> None:
    operator = await browser.tab()
    await sign_in(operator, url, admin)
    name = f"mailed_{os.getpid() % 100_000}_{next(_numbers)}"
    address = f"{name}@example.com"
    await tab.open(f"{url}/register")
    for field, text in (("username", name), ("email", address), ("password", PASSWORD)):
        await tab.type(f"input[name={field}]", text)
    await tab.click("form button[type=submit]")
    await _is_signed_in(tab, name)
    await tab.open(await _mailed_link(operator, url, address, "Confirm"))
    await tab.text("Your e-mail address is verified")
    await tab.open(url + SECURITY)
    await tab.text(f"{address} is verified.")
    await _sign_out(tab, url)
    await tab.click("header a[href^='/login']")
    await tab.click("a[href='/forgot']")
    await tab.type("input[name=email]", address)
    await tab.click("form button[type=submit]")
    await tab.text("If somebody here has this address")
    link = await _mailed_link(operator, url, address, "Choose")
    await tab.open(link)
    await tab.type("input[name=password]", f"another {PASSWORD}")
    await tab.click("form button[type=submit]")
    await tab.click("a[href='/login']", "Sign in")
    await sign_in_with(tab, name, f"another {PASSWORD}")
    await _is_signed_in(tab, name)
    await tab.open(link)
    await tab.type("input[name=password]", f"a third {PASSWORD}")
    await tab.click("form button[type=submit]")
    await tab.text("This link does not work")
    refused = await nobody.call("POST", "auth/login", {"login": name, "password": PASSWORD})
    assert refused.status == 401


async def test_a_passkey_is_added_signs_in_from_the_field_and_by_the_button_and_is_removed(
    url: str, tab: Tab, owner: Account
) -> None:
    await tab.call("WebAuthn.enable")
    for number, kind in enumerate((INTERNAL, USB)):
        options = {"protocol": "ctap2", "automaticPresenceSimulation": True, **kind}
        device = await tab.call("WebAuthn.addVirtualAuthenticator", options=options)
        await sign_in(tab, url, owner.username)
        await tab.open(url + SECURITY)
        await tab.type("form[aria-label='Add a passkey'] input[name=name]", f"Key {number}")
        await tab.click("button", "Add a passkey")
        await tab.until("!!document.querySelector('[aria-labelledby=passkeys] li')")
        await tab.text(f"Key {number}")
        await _sign_out(tab, url)
        if kind is INTERNAL:
            await tab.open(f"{url}/login")  # the field's offer is taken at once by the simulated person
            await _is_signed_in(tab, owner.username)
            await _sign_out(tab, url)
        await tab.call(
            "WebAuthn.setAutomaticPresenceSimulation", authenticatorId=device["authenticatorId"], enabled=False
        )
        await tab.open(f"{url}/login")
        await tab.click("button", "Use a passkey")
        await tab.call(
            "WebAuthn.setAutomaticPresenceSimulation", authenticatorId=device["authenticatorId"], enabled=True
        )
        await _is_signed_in(tab, owner.username)
        await tab.open(url + SECURITY)
        await tab.click("[aria-labelledby=passkeys] li button", f"Remove Key {number}")
        await tab.until("!document.querySelector('[aria-labelledby=passkeys] li')")
        await _sign_out(tab, url)
        await tab.call("WebAuthn.removeVirtualAuthenticator", authenticatorId=device["authenticatorId"])


async def test_a_second_factor_is_set_up_and_asked_for_and_a_recovery_code_stands_in(
    url: str, tab: Tab, owner: Account
) -> None:
    await sign_in(tab, url, owner.username)
    await tab.open(url + SECURITY)
    await tab.click("[aria-labelledby=totp] button")
    await tab.until("!!document.querySelector('.factors-secret code')")
    secret = str(await tab.read("document.querySelector('.factors-secret code').innerText")).replace(" ", "")
    app = pyotp.TOTP(secret)
    await tab.type("input[name=code]", app.now())
    await tab.click("[aria-labelledby=totp] button[type=submit]")
    await tab.until("document.querySelectorAll('.factors-codes li').length === 10")
    recovery = await tab.read("document.querySelector('.factors-codes li').innerText")
    await tab.click("[aria-labelledby=totp] button", "I have kept them")
    # The step that confirmed the factor is used up, so the next one signs in.
    for code in (app.at(time.time() + NEXT_STEP_S), recovery):
        await _sign_out(tab, url)
        await tab.open(f"{url}/login")
        await sign_in_with(tab, owner.username, PASSWORD)
        await tab.type("input[name=totp]", code)
        await tab.click("form button[type=submit]")
        await _is_signed_in(tab, owner.username)
    await tab.open(url + SECURITY)
    await tab.text("9 recovery codes left")


@needs_provider
async def test_a_provider_is_linked_signs_in_and_may_be_turned_back_from(
    url: str, tab: Tab, owner: Account, provider_port: int
) -> None:
    async with real_provider(f"{url}/api/v1/auth/oauth/oidc/callback", port=provider_port, asks=True):
        await tab.open(f"{url}/login")
        await tab.click("a", "Continue with Provider")
        await tab.click("a", "Cancel")
        await tab.text("You did not allow it at the provider")
        await sign_in(tab, url, owner.username)
        await tab.open(url + SECURITY)
        await tab.click("button", "Link Provider")
        await tab.click("a", "Continue")
        await tab.until("location.pathname === '/settings/security'")
        await tab.text("ada@example.org")
        await _sign_out(tab, url)
        await tab.open(f"{url}/login")
        await tab.click("a", "Continue with Provider")
        await _is_signed_in(tab, owner.username)


async def test_a_token_is_shown_once_and_other_devices_are_signed_out(
    url: str, browser: Browser, tab: Tab, someone: NewPerson, nobody: Api
) -> None:
    owner, other = await someone("owner"), await browser.tab()
    for page in (tab, other):
        await sign_in(page, url, owner.username)
    await tab.open(f"{url}/settings/tokens")
    await tab.type("input[name=name]", "My program")
    await tab.click("form[aria-label] button[type=submit]")
    await tab.until("!!document.querySelector('.factors-secret code')")
    nobody.token = await tab.read("document.querySelector('.factors-secret code').innerText")
    assert (await nobody.done("GET", "me"))["username"] == owner.username
    await tab.open(f"{url}/settings/tokens")
    await tab.text("My program")
    assert not await tab.read(f"document.body.innerText.includes('{nobody.token}')")
    await tab.open(url + SECURITY)
    await tab.until("document.querySelectorAll('.device-list li').length === 3")
    await tab.click("[aria-labelledby=devices] > button.danger")
    await tab.until("document.querySelectorAll('.device-list li').length === 1")
    await other.until("!document.querySelector('[aria-label*=\"@\"]')")
    await other.text("Sign in")
