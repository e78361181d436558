"""Invitations to a call that another room gives in the name of who began it."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Protocol

from actors.call_messages import CALL, InviteToCall
from actors.runtime import Node

PURPOSE: Final = b"call invitation"


class Seals(Protocol):
    """What is needed of ``Identity``."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...


class Invitations:
    """One a person and call: asked for again, it is the same, so that nobody uses up those of the others."""

    def __init__(self, *, node: Node, seals: Seals) -> None:
        self._node = node
        self._seals = seals

    async def token_for(self, person_id: str, *, call_id: str, owner_id: str) -> str:
        """Good once. Raises ``DomainError``: ``not_found``, ``call_ended``, ``forbidden``, ``too_many_invitations``."""
        sealed = self._seals.seal(PURPOSE, f"{call_id} {person_id}".encode())
        token = base64.urlsafe_b64encode(sealed[:16]).decode().rstrip("=")
        await self._node.ref(CALL, call_id).ask(InviteToCall(person_id=owner_id, token_hash=hash_of(token)))
        return token


def hash_of(token: str) -> bytes:
    """As tokens are stored."""
    return hashlib.sha256(token.encode()).digest()
