"""The accounts of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AccountKind = Literal[
    "stripe", "test", "bank", "provider_fees", "platform", "pending", "available", "advertising", "withheld"
]
"""``stripe``, ``test``: what a provider of payments holds for us, negative; ``bank``: what was paid out;
``provider_fees``: what providers kept; ``platform``: the server's share; ``pending``, ``available``: a person's, who
may have the latter paid out; ``advertising``: what a person has paid in advance for their campaigns;
``withheld``: what was kept back of a person's payouts for taxes.
"""


@dataclass(frozen=True)
class Account:
    """An account in each currency. ``owner_id``: the person, of kinds that are persons'."""

    kind: AccountKind
    owner_id: str | None = None


def pending(person_id: str) -> Account:
    return Account("pending", person_id)


def available(person_id: str) -> Account:
    return Account("available", person_id)


def advertising(person_id: str) -> Account:
    return Account("advertising", person_id)


PLATFORM = Account("platform")
