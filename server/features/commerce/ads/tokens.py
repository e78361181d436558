"""What clients are given to tell of an advertisement: signed, and of one viewer, decision and moment of it.

A viewer is a pseudonym that changes each day, made of the account, of what a guest's browser keeps, or of the
address of a guest whose browser keeps nothing (yet).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import secrets
import struct
from typing import Final, Literal, Protocol
from uuid import UUID

import msgspec

from server.http.operation import PathFormat

PURPOSE: Final = b"advertisement"
VIEWER: Final = b"viewer of advertisements"
GUEST: Final = b"browser that is shown advertisements"
CLICK: Final = 5
"""The part of the token that is for a click; 0 to 4 are the quarters that were seen."""
PLACES: Final = ("pre", "mid")
Place = Literal["pre", "mid"]
_BODY: Final = struct.Struct(">112sQQHBB")
_SEAL_BYTES: Final = 16
_IDS: Final = 7
_GUEST_BYTES: Final = 16
_GUEST: Final = re.compile("[A-Za-z0-9_-]{43}")

TOKEN: Final = PathFormat(pattern="^[A-Za-z0-9_-]{198}$", description="As a decision has it", example="A" * 198)


class Seals(Protocol):
    """What is needed of ``Identity``: every node takes every node's seals."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...
    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool: ...


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """``price``: thousandths of minor units. ``at_ms``: when it was made, since 1970. ``viewer``: the pseudonym."""

    id: str
    campaign_id: str
    creative_id: str
    lease_id: str
    stream_id: str
    creator_id: str
    viewer: str
    price: int
    at_ms: int
    duration_ms: int
    place: Place

    @property
    def at(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.at_ms / 1000, dt.UTC)

    @property
    def day(self) -> dt.date:
        return self.at.date()


class Tokens:
    def __init__(self, *, seals: Seals) -> None:
        self._seals = seals

    def of(self, decision: Decision, part: int) -> str:
        ids = (
            decision.id, decision.campaign_id, decision.creative_id, decision.lease_id, decision.stream_id,
            decision.creator_id, decision.viewer,
        )  # fmt: skip
        body = _BODY.pack(
            b"".join(UUID(one).bytes for one in ids), decision.price, decision.at_ms, decision.duration_ms,
            PLACES.index(decision.place), part,
        )  # fmt: skip
        return base64.urlsafe_b64encode(body + self._seals.seal(PURPOSE, body)[:_SEAL_BYTES]).decode().rstrip("=")

    def read(self, token: str) -> tuple[Decision, int] | None:
        """The decision and the part; None for what is none of ours."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        body = raw[: _BODY.size]
        if len(raw) != _BODY.size + _SEAL_BYTES or not self._seals.is_sealed(PURPOSE, body, raw[_BODY.size :]):
            return None
        ids, price, at_ms, duration_ms, place, part = _BODY.unpack(body)
        names = [str(UUID(bytes=ids[16 * n : 16 * n + 16])) for n in range(_IDS)]
        of_ids = dict(zip(Decision.__struct_fields__[:_IDS], names, strict=True))
        decision = Decision(
            **of_ids, price=price, at_ms=at_ms, duration_ms=duration_ms, place="pre" if place == 0 else "mid"
        )
        return decision, part

    def guest(self) -> str:
        """For the browser of a guest to keep: nobody makes one up."""
        raw = secrets.token_bytes(_GUEST_BYTES)
        return base64.urlsafe_b64encode(raw + self._seals.seal(GUEST, raw)[:_SEAL_BYTES]).decode().rstrip("=")

    def is_guest(self, kept: str) -> bool:
        if not _GUEST.fullmatch(kept):
            return False
        raw = base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4))
        return self._seals.is_sealed(GUEST, raw[:_GUEST_BYTES], raw[_GUEST_BYTES:])

    def viewer(self, who: str, day: dt.date) -> str:
        """The pseudonym of that day. ``who``: as an ``Asker`` has it."""
        return str(UUID(bytes=self._seals.seal(VIEWER, _who_at(who, day))[:16]))

    def is_viewer(self, viewer: str, who: str, day: dt.date) -> bool:
        return self._seals.is_sealed(VIEWER, _who_at(who, day), UUID(viewer).bytes)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be shown something. ``guest_id``: what their browser has kept; None when it has nothing."""

    person_id: str | None
    address: str
    guest_id: str | None = None

    @property
    def who(self) -> str:
        if self.person_id is not None:
            return f"person {self.person_id}"
        return self.place if self.guest_id is None else f"browser {self.guest_id}"

    @property
    def place(self) -> str:
        return f"guest {self.address}"


def _who_at(who: str, day: dt.date) -> bytes:
    return f"{day} {who}".encode()
