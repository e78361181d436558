"""Devices that sessions are used from: what is kept of one, and how it is called. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from actors.text import clean_line
from server.http.addresses import limiting_key
from storage.postgres import Row

MAX_AGENT_CHARS: Final = 256
_KEY_CHARS: Final = 24


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where a session is used from. ``cookie``: the device's own secret, empty for one that has none. ``language``:
    the one that the person reads mails in.
    """

    address: str
    user_agent: str
    cookie: str = ""
    language: str = "en"

    @property
    def key(self) -> bytes | None:
        """What is kept of the cookie: it has 128 random bits, so a plain hash is enough."""
        return hashlib.sha256(self.cookie.encode()).digest() if self.cookie else None

    @property
    def agent(self) -> str:
        """The User-Agent as it is kept: one line, bounded."""
        cut = self.user_agent[:MAX_AGENT_CHARS].encode("utf-8", "replace").decode()
        return clean_line(cut)[:MAX_AGENT_CHARS]

    @property
    def name(self) -> str:
        return device_name(self.agent)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the sessions of an account say of a device. ``is_first``: there are none. ``has_cookie``: one has the
    device's cookie. ``addresses``: those of the sessions with its user agent.
    """

    is_first: bool = True
    has_cookie: bool = False
    addresses: Sequence[str] = ()

    @classmethod
    def of(cls, row: Row) -> Seen:
        """Of a row of ``SEEN``, or of one that has its columns too."""
        return cls(is_first=row["is_first"], has_cookie=row["has_cookie"], addresses=row["addresses"] or ())


NEVER: Final = Seen()


def key_of_known(device: Device, seen: Seen) -> str | None:
    """A short text that stands for the device, if the account knows it: by its cookie rather than by its address and
    user agent, which a neighbour may share.
    """
    key = device.key
    if key is not None and seen.has_cookie:
        return key.hex()[:_KEY_CHARS]
    address, agent = limiting_key(device.address), device.agent
    if any(limiting_key(one) == address for one in seen.addresses):
        return f"{address} {hashlib.sha256(agent.encode()).hexdigest()[:_KEY_CHARS]}"
    return None


# In this order, since most agents claim to be several: the first that is found says what it is.
_PROGRAMS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("OBS", "OBS"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_FIRST_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}(?=/|$)")


def device_name(user_agent: str) -> str:
    """As a person would call the device: ``Firefox on Windows``; empty when the agent says nothing of use."""
    program = _first(_PROGRAMS, user_agent) or _product(user_agent)
    system = _first(_SYSTEMS, user_agent)
    return f"{program} on {system}" if program and system else program or system


def _first(table: Iterable[tuple[str, str]], user_agent: str) -> str:
    return next((name for mark, name in table if mark in user_agent), "")


def _product(user_agent: str) -> str:
    """The first product token (RFC 9110 section 10.1.5), unless it is the one that all browsers send."""
    found = _FIRST_PRODUCT.match(user_agent)
    return "" if found is None or found[0] == "Mozilla" else found[0]
