"""How a feature joins: what it takes from clients over Socket.IO, and what it sends them, as frozen values.

A REST call is an ``Operation`` (``server/http/operation.py``). A ``ClientEvent`` is its counterpart on the socket: one
value is the look-up, the check of the body and the documentation (``/asyncapi.json``) at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from actors.rate_limits import Rate
from server.scopes import OVERLAY, Scope, event_scope

Sender = Literal["anyone", "person", "moderator", "owner"]


@dataclass(frozen=True, kw_only=True)
class ClientEvent:
    """An event that clients send. Every one is acknowledged: ``{"ok": true, …ack}`` or ``{"ok": false, "error"}``.

    ``handler`` gets the socket, its session and the body as ``shape`` has it, and raises ``DomainError`` to refuse.
    A guest who sends what only a ``person`` may is answered ``unauthenticated`` before the handler is called; whether
    the sender is a ``moderator`` or the ``owner`` is the handler's to find out. ``rate`` bounds how often a person may
    send it, over all their sockets and nodes; every event counts for the socket's own rate besides.
    ``scope`` of API tokens: None takes the default of name and sender. ``is_for_overlays``: an overlay key may send it,
    within its person's own rooms.
    """

    name: str
    summary: str
    shape: type[msgspec.Struct]
    ack: type[msgspec.Struct]
    handler: Callable[[Any, Any, Any], Any]
    sender: Sender = "person"
    rate: Rate | None = None
    scope: Scope | None = None
    is_for_overlays: bool = False

    @property
    def needed_scope(self) -> Scope:
        """What an API token must be for to send it."""
        return self.scope or event_scope(self.name, self.sender)

    def is_within(self, scopes: frozenset[str]) -> bool:
        """Whether an API token with these scopes may send it."""
        return self.needed_scope in scopes or (self.is_for_overlays and OVERLAY in scopes)


@dataclass(frozen=True, kw_only=True)
class ServerEvent:
    """An event that the server sends. ``to`` says which sockets get it."""

    name: str
    summary: str
    body: type[msgspec.Struct]
    to: str
