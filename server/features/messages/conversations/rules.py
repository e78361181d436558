"""What conversations are made of, and who may begin one with whom. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

MAX_PEOPLE: Final = 100
MAX_TITLE: Final = 100
MAX_COUNTED: Final = 1_000
"""Unread messages of one conversation beyond this are not told apart."""

State = Literal["open", "request"]
RequestsFrom = Literal["everyone", "followed"]


def pair_of(one_id: str, other_id: str) -> str:
    """The same for two people in either order; it does not tell who they are."""
    return sha256("|".join(sorted((one_id, other_id))).encode()).hexdigest()


def state_of_invited(*, follows: bool, requests_from: RequestsFrom) -> State | None:
    """How a person is in a conversation that another one begins, whom they follow or not; None: not at all."""
    if follows:
        return "open"
    return "request" if requests_from == "everyone" else None
