"""What an API token may be for. A session may do everything that its person may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

Scope = Literal["read", "write", "chat", "stream", "moderate", "upload", "money", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

OVERLAY: Final = "overlay"
"""Of an overlay key alone; no token is made with it. It lets its holder read the person's own rooms and alerts."""
Need = Scope | Literal["overlay"]
"""What a token must be for."""

ROLE_SCOPES: Final[dict[str, Scope]] = {"admin": "admin", "moderator": "moderate"}
"""The role → the scope without which a token does not have it."""

_STREAM_TAGS: Final = frozenset({"streams", "webrtc"})
_SAFE: Final = frozenset({"GET", "HEAD"})
_OF_SESSIONS: Final = ("/api/v1/auth/", "/api/v1/me/exports")
_STREAM_KEYS: Final = frozenset({"/api/v1/me/ingest"})


def default_scope(method: str, path: str, tag: str) -> Scope | None:
    """The scope that a REST operation needs unless it names another; None: it takes a session, no token will do."""
    if path.startswith(_OF_SESSIONS) or (method, path) == ("DELETE", "/api/v1/me"):
        return None
    if path.startswith("/api/v1/admin/"):
        return "admin"
    if tag in _STREAM_TAGS and (method not in _SAFE or path in _STREAM_KEYS) and not path.startswith("/whep"):
        return "stream"
    return "read" if method in _SAFE or path.startswith("/whep") else "write"


def event_scope(name: str, sender: str) -> Scope:
    """The scope that a Socket.IO event needs unless it names another."""
    if sender in ("moderator", "owner"):
        return "moderate"
    if sender == "anyone":
        return "read"
    return "chat" if name.startswith(("chat:", "stream:")) else "write"


def roles_within(roles: Iterable[str], scopes: frozenset[str]) -> frozenset[str]:
    """The roles that a token has of its person's."""
    return frozenset(role for role in roles if ROLE_SCOPES.get(role) is None or ROLE_SCOPES[role] in scopes)
