"""A page of a browser, whichever protocol drives it: what a person sees and does."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

from tests.e2e.people import PASSWORD
from tests.e2e.waiting import until

VIDEO = "document.querySelector('video')"


class Page(ABC):
    """``problems``: what the page reported of errors, failed requests and violations."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    @abstractmethod
    async def open(self, address: str) -> Page: ...

    @abstractmethod
    async def read(self, expression: str) -> Any:
        """The value of an expression; promises are waited for."""

    @abstractmethod
    async def write(self, text: str) -> None:
        """Type into what has the focus."""

    async def until(self, expression: str, *, within_s: float = 30.0) -> Any:
        """Wait until the expression is truthy; its value."""
        try:
            return await until(lambda: self.read(expression), within_s=within_s, what=expression)
        except AssertionError as error:
            page = await self.read("document.body?.innerText.slice(0, 1500)")
            raise AssertionError(f"{error}; problems: {self.problems}; page:\n{page}") from None

    async def text(self, *words: str, within_s: float = 30.0) -> None:
        """Wait until the page shows these words."""
        for word in words:
            await self.until(f"document.body?.innerText.includes({json.dumps(word)})", within_s=within_s)

    async def click(self, selector: str, text: str = "", *, within_s: float = 30.0) -> None:
        """Click the first match that holds the text and is not disabled."""
        found = (
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".find(e => (e.innerText + (e.ariaLabel || '')).includes({json.dumps(text)}) && !e.disabled)"
        )
        await self.until(f"!!{found}", within_s=within_s)
        await self.read(f"{found}.click()")

    async def type(self, selector: str, text: str) -> None:
        """Put the focus into a field and type."""
        await self.until(f"!!document.querySelector({json.dumps(selector)})")
        await self.read(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.write(text)


async def plays(tab: Page, *, seconds: float = 2.0, within_s: float = 30.0) -> None:
    """The picture is there and moves on."""
    await tab.until(f"{VIDEO} && {VIDEO}.videoWidth > 0 && {VIDEO}.readyState >= 2", within_s=within_s)
    start = await tab.read(f"{VIDEO}.currentTime")
    await tab.until(f"{VIDEO}.currentTime > {start + seconds}", within_s=within_s)


async def sign_in(tab: Page, url: str, username: str) -> None:
    """As a registered person of these tests, from the sign-in page."""
    await tab.open(f"{url}/login")
    await sign_in_with(tab, username, PASSWORD)
    await tab.until(f"!!document.querySelector('[aria-label*=\"@{username}\"]')")


async def sign_in_with(tab: Page, username: str, password: str) -> None:
    """Fill in the form of the sign-in page and send it."""
    await tab.type("input[name=login]", username)
    await tab.type("input[name=password]", password)
    await tab.click("button[type=submit]")
