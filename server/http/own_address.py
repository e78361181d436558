"""The address that people reach this server under, as seen from one request.

Where ``public_url`` names a host, it is that one. Else the name that the request was made to decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from server.http.addresses import is_loopback


@dataclass(frozen=True, kw_only=True)
class OwnAddress:
    """``origin`` as a browser writes it (RFC 6454), without a slash at its end."""

    host: str
    origin: str


class OwnAddresses:
    def __init__(self, *, origin: str) -> None:
        """``origin``: of ``public_url``, or an address of this machine."""
        url = urlsplit(origin)
        host = url.hostname or ""
        is_named = host not in ("", "localhost") and not _is_number(host) and not is_loopback(host)
        self._fixed = OwnAddress(host=host, origin=f"{url.scheme}://{url.netloc}") if is_named else None

    def of(self, request: web.Request) -> OwnAddress:
        if self._fixed is not None:
            return self._fixed
        scheme = "https" if request.secure else "http"
        try:
            host = urlsplit(f"//{request.host}").hostname or "localhost"
        except ValueError:
            return OwnAddress(host="localhost", origin=f"{scheme}://localhost")
        return OwnAddress(host=host, origin=f"{scheme}://{request.host}")


def _is_number(host: str) -> bool:
    """Whether it is an IP address, which no credential can be made for and no name stands behind."""
    return ":" in host or host.replace(".", "").isdigit()
