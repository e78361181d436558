"""The shapes of the ledger over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from server.features.money.ledger.accounts import AccountKind
from server.http.shapes import Page, PageQuery, Shape

Currency = Annotated[str, Field(description="ISO 4217")]
MinorUnits = Annotated[int, Field(description="In minor units of the currency")]


class BalanceShape(Shape):
    currency: Currency
    available: Annotated[int, Field(description="What can be paid out, in minor units")]
    pending: Annotated[int, Field(description="What becomes available when its hold is over, in minor units")]


class BalancesShape(Shape):
    """One of each currency in which there ever was anything, by currency."""

    balances: list[BalanceShape]


class EntryShape(Shape):
    account: AccountKind
    amount: MinorUnits


class TransferShape(Shape):
    """Its ``entries`` come to zero. ``subject``: the id of what it is for."""

    id: UUID
    kind: str
    currency: Currency
    subject: str
    at: datetime
    entries: list[EntryShape]


class TransfersShape(Page[TransferShape]):
    """The newest first."""


class LedgerQuery(PageQuery):
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Field(description="Only of this one")] | None = (
        None
    )


class OwnedEntryShape(EntryShape):
    owner_id: Annotated[UUID | None, Field(description="The person; null: the server's own account")]


class OwnedTransferShape(TransferShape):
    entries: list[OwnedEntryShape]  # type: ignore[assignment]


class TotalShape(Shape):
    """What all accounts of one kind hold in one currency."""

    account: AccountKind
    currency: Currency
    balance: MinorUnits


class AdminLedgerShape(Page[OwnedTransferShape]):
    """The newest transfers first. The ``totals`` of a currency come to zero."""

    totals: list[TotalShape]


class DifferenceShape(Shape):
    """``transfer``: it does not come to zero. ``balance``: a snapshot is not what the entries come to."""

    what: Literal["transfer", "balance"]
    subject: str
    currency: Currency
    difference: MinorUnits


class CheckShape(Shape):
    sum: Annotated[int, Field(description="Of all entries; 0")]
    transfers: int
    entries: int
    differences: list[DifferenceShape]
