"""The STUN and TURN servers that browsers are told, with credentials for a time.

The credentials are coturn's ``use-auth-secret`` (draft-uberti-behave-turn-rest-00): the user name is
``<Unix time at which it ends>:<who>``, the password the base64 of its HMAC-SHA1 under the shared secret. The TURN
server checks both without asking anybody, and goes on serving what was begun within the time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec


class IceServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As ``RTCIceServer`` of WebRTC."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class Issued(NamedTuple):
    """``expires_at``: of the credentials; None without any."""

    servers: Sequence[IceServer]
    expires_at: datetime | None


class IceServers:
    def __init__(
        self,
        *,
        stun_urls: Sequence[str],
        turn_urls: Sequence[str],
        turn_secret: str | None,
        turn_ttl_s: int,
        now: Callable[[], datetime],
    ) -> None:
        self._stun = [IceServer(urls=tuple(stun_urls))] if stun_urls else []
        self._turn_urls = tuple(turn_urls)
        self._secret = (turn_secret or "").encode()
        self._ttl_s = turn_ttl_s
        self._now = now

    def issue(self, holder: str) -> Issued:
        """For one client; ``holder``: who it is, as the TURN server's log shall have it."""
        if not self._turn_urls:
            return Issued(self._stun, None)
        expires = int(self._now().timestamp()) + self._ttl_s
        username = f"{expires}:{holder}"
        digest = hmac.new(self._secret, username.encode(), hashlib.sha1).digest()
        turn = IceServer(urls=self._turn_urls, username=username, credential=base64.b64encode(digest).decode())
        return Issued([*self._stun, turn], datetime.fromtimestamp(expires, UTC))


def link_headers(servers: Sequence[IceServer]) -> list[str]:
    """Values of ``Link`` (RFC 9725 section 4.6), one for each URL."""
    return [_link(url, server) for server in servers for url in server.urls]


def _link(url: str, server: IceServer) -> str:
    named = f'<{url}>; rel="ice-server"'
    if server.username is None:
        return named
    return f'{named}; username="{server.username}"; credential="{server.credential}"; credential-type="password"'


def fields(issued: Issued) -> dict[str, Any]:
    """``ice_servers`` and ``ice_expires_at`` of an acknowledgement."""
    expires_at = issued.expires_at
    return {
        "ice_servers": [msgspec.to_builtins(server) for server in issued.servers],
        "ice_expires_at": None if expires_at is None else expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
