"""The life of an order: its states, and which act leads from one to another. Pure.

The money of a paid order is held until it is received, or goes back. Each state that is not an end has a clock, so no
order stays in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["pending", "paid", "shipped", "disputed", "contested", "received", "cancelled", "refunded"]
"""``contested``: the seller has answered the dispute. ``cancelled``: before it was shipped. ``refunded``: after."""
Act = Literal[
    "pay", "cancel", "ship", "receive", "dispute", "answer", "uphold", "dismiss",
    "lapse", "fail", "reverse",
]  # fmt: skip
"""``lapse``: the clock of the state has run out. ``fail``, ``reverse``: the payment cannot be made; it went back."""
Party = Literal["buyer", "seller", "moderator", "server"]
Clock = Literal["pay", "ship", "receive", "dispute"]

ENDS: Final[frozenset[State]] = frozenset({"received", "cancelled", "refunded"})
DISPUTES: Final[frozenset[State]] = frozenset({"disputed", "contested"})


@dataclass(frozen=True, kw_only=True)
class Move:
    """``money``: what happens to what the buyer has paid. ``restocks``: the goods are for sale again."""

    to: State
    by: frozenset[Party] = frozenset({"server"})
    money: Literal["refund", "release"] | None = None
    restocks: bool = False
    clock: Clock | None = None


BUYER: Final[frozenset[Party]] = frozenset({"buyer"})
SELLER: Final[frozenset[Party]] = frozenset({"seller"})
BOTH: Final[frozenset[Party]] = BUYER | SELLER
MODERATOR: Final[frozenset[Party]] = frozenset({"moderator"})

_CANCELLED: Final = Move(to="cancelled", by=BOTH, money="refund", restocks=True)
_DISPUTED: Final = Move(to="disputed", by=BUYER, clock="dispute")
_RECEIVED: Final = Move(to="received", by=BUYER, money="release")
_GIVEN_BACK: Final = Move(to="refunded", by=SELLER, money="refund")
_REVERSED: Final = Move(to="refunded")

MOVES: Final[dict[tuple[State, Act], Move]] = {
    ("pending", "pay"): Move(to="paid", clock="ship"),
    ("pending", "cancel"): Move(to="cancelled", by=BUYER, restocks=True),
    ("pending", "lapse"): Move(to="cancelled", restocks=True),
    ("pending", "fail"): Move(to="cancelled", restocks=True),
    ("cancelled", "pay"): Move(to="cancelled", money="refund"),
    ("paid", "ship"): Move(to="shipped", by=SELLER, clock="receive"),
    ("paid", "cancel"): _CANCELLED,
    ("paid", "lapse"): _CANCELLED,
    ("paid", "dispute"): _DISPUTED,
    ("paid", "reverse"): Move(to="refunded", restocks=True),
    ("shipped", "receive"): _RECEIVED,
    ("shipped", "lapse"): _RECEIVED,
    ("shipped", "dispute"): _DISPUTED,
    ("shipped", "reverse"): _REVERSED,
    ("disputed", "receive"): _RECEIVED,
    ("disputed", "cancel"): _GIVEN_BACK,
    ("disputed", "answer"): Move(to="contested", by=SELLER, clock="dispute"),
    ("disputed", "uphold"): Move(to="refunded", by=MODERATOR, money="refund"),
    ("disputed", "dismiss"): Move(to="received", by=MODERATOR, money="release"),
    ("disputed", "lapse"): _GIVEN_BACK,
    ("disputed", "reverse"): _REVERSED,
    ("contested", "receive"): _RECEIVED,
    ("contested", "cancel"): _GIVEN_BACK,
    ("contested", "uphold"): Move(to="refunded", by=MODERATOR, money="refund"),
    ("contested", "dismiss"): Move(to="received", by=MODERATOR, money="release"),
    ("contested", "lapse"): _RECEIVED,
    ("contested", "reverse"): _REVERSED,
    ("received", "reverse"): _REVERSED,
}
"""A dispute that the seller does not answer in time goes to the buyer; one that nobody decides, to the seller."""


def parties_of(act: Act) -> frozenset[Party]:
    """Who may do this to an order in some state."""
    return frozenset(party for (_, name), move in MOVES.items() if name == act for party in move.by)
