"""Whether a request comes from a page of this server (RFC 6454)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SAME_ORIGIN: Final = frozenset({"same-origin", "none"})


def is_same_origin(origin: str, host: str) -> bool:
    """Whether ``origin`` has the host and port of a ``Host`` header; the scheme may be that of a proxy in front."""
    try:
        ours = urlsplit(f"//{host}")
        theirs = urlsplit(origin)
        default = _DEFAULT_PORTS.get(theirs.scheme)
        if default is None or not theirs.hostname:
            return False
        return theirs.hostname == ours.hostname and (theirs.port or default) == (ours.port or default)
    except ValueError:
        return False


def is_own_page(request: web.Request) -> bool:
    """False for a request that a page of another origin makes. A program that is no browser sends neither header.

    Browsers send ``Origin`` with each POST (Fetch section 3.2), and ``Sec-Fetch-Site`` where the connection is secure.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and not is_same_origin(origin, request.host):
        return False
    return site is None or site.lower() in _SAME_ORIGIN
