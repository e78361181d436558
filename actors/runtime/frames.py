"""The frames that nodes send to each other. Fields are appended only, with a default: older nodes read them too."""

from __future__ import annotations

from typing import Final

import msgspec


class Deliver(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """A message for an actor of the receiving node. `ask` is 0 if told; `budget_s` is what is left of the deadline."""

    kind: str
    key: str
    name: str
    body: msgspec.Raw
    sender: str
    ask: int
    budget_s: float


class Reply(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    ask: int
    body: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, array_like=True, tag="f"):
    """`code` of an ActorError with `subject`, or of a DomainError if `is_domain`."""

    ask: int
    is_domain: bool
    code: str
    message: str
    subject: str = ""
    retry_after_s: float | None = None
    field: str | None = None


FRAMES: Final = msgspec.msgpack.Decoder(Deliver | Reply | Failure)
"""Raises msgspec.DecodeError."""
