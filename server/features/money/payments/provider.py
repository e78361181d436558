"""The port to providers of payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import msgspec

ProviderName = Literal["stripe", "test"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A payment that a person is to make. ``back_to``: the page to which the payer returns."""

    payment_id: str
    amount: int
    currency: str
    label: str
    back_to: str


@dataclass(frozen=True, kw_only=True)
class Opened:
    """``intent_id``, ``session_id``: the provider's names of it. ``client_secret``: with which a client of the payer
    confirms it. ``checkout_url``: the page on which they can instead; None while the provider has none.
    """

    intent_id: str
    client_secret: str
    session_id: str | None = None
    checkout_url: str | None = None


class Fee(msgspec.Struct, frozen=True):
    """What a provider keeps, in minor units of the currency in which it pays the server."""

    amount: int
    currency: str


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of a payment. ``payment_id``, where it names it, is ours; ``intent_id`` the provider's.

    ``is_paid`` with ``amount`` and ``currency``; ``is_failed``: it can no longer be paid. ``refunded``, ``disputed``:
    minor units in all that went back to the payer, or are held because they say that they did not pay; with the
    latter ``dispute_fee``, that of the dispute. ``at``: when it was so.
    """

    at: datetime
    payment_id: str | None = None
    intent_id: str | None = None
    is_paid: bool = False
    amount: int | None = None
    currency: str | None = None
    is_failed: bool = False
    refunded: int | None = None
    disputed: int | None = None
    dispute_fee: Fee | None = None


class Provider(Protocol):
    """Each call may be repeated: the provider carries it out once. Raises ``Unavailable``, and a ``Problem`` for what
    the provider refuses.
    """

    @property
    def name(self) -> ProviderName: ...

    async def open(self, asked: Asked) -> Opened: ...

    async def close_other(self, *, paid_intent: str, intent_id: str, session_id: str | None) -> None:
        """Of the two ways to pay, end the one that was not taken, if it is still open."""
        ...

    async def refund(self, *, intent_id: str, amount: int | None, currency: str, key: str) -> str:
        """Give ``amount``, or all, back: empty, or why the provider does not. ``key``: of several calls with it one is
        carried out.
        """
        ...

    async def fee(self, intent_id: str) -> Fee | None:
        """What the provider keeps of a payment that was made; None as long as it does not say."""
        ...

    async def aclose(self) -> None: ...
