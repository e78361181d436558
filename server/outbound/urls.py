"""What an address of HTTP may look like that a person gives for this server to post to. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 1_024

_PRINTABLE: Final = re.compile(r"[!-~]+")


class BadUrl(ValueError):
    """The sentence does not repeat the address."""


def host_of(url: str) -> tuple[str, int]:
    """The host and port of an address. Raises ``BadUrl``."""
    if not _PRINTABLE.fullmatch(url) or len(url) > MAX_URL:
        raise BadUrl(f"must be printable ASCII without spaces, at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrl("has a host or port that is none") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl("must begin with https:// or http:// and a host")
    if "@" in parts.netloc or "#" in url:
        raise BadUrl("must have no user, password or fragment")
    if port == 0:
        raise BadUrl("has a host or port that is none")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)
