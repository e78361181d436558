"""The shapes of payments over REST, for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.features.money.payments.provider import ProviderName
from server.http.shapes import Body, Page, PageQuery, Shape, Text

EventState = Literal["waiting", "done", "ignored", "failed"]


class FeeShape(Shape):
    """What the provider keeps of the payment, or asks for a dispute, from the server's share."""

    kind: Literal["charge", "dispute"]
    amount: int
    currency: Annotated[str, Field(description="In which the provider pays the server")]


class PaymentShape(Shape):
    """Amounts in minor units. ``net``: what the ledger has of it, with the server's share. ``refunding``: what of it
    the provider was asked to give back and has not yet. ``refund_refused``: why it would not, the last time.
    """

    id: UUID
    kind: str
    subject: str
    payer_id: UUID
    payee_id: UUID
    amount: int
    currency: str
    provider: ProviderName
    created_at: datetime
    paid_at: datetime | None
    failed_at: datetime | None
    refunded: int
    disputed: int
    net: int
    refunding: int
    refund_refused: str
    fees: list[FeeShape]


class PaymentsShape(Page[PaymentShape]):
    """The newest first."""


class RefundBody(Body):
    amount: Annotated[int, Field(ge=1, le=2**53, description="In minor units; all that is left without it")] | None = (
        None
    )
    reason: Annotated[Text, Field(max_length=500)] = ""


class RefundShape(Shape):
    refunded: Annotated[int, Field(description="What goes back, in minor units")]
    currency: str


class ReceivedShape(Shape):
    received: bool


class StoredEventShape(Shape):
    """``ignored``: it concerns nothing here. ``failed``: it does, and cannot be: see ``reason``."""

    id: str
    type: str
    received_at: datetime
    deliveries: int
    state: EventState
    reason: str
    handled_at: datetime | None


class StoredEventsShape(Page[StoredEventShape]):
    """The newest first."""


class StoredEventsQuery(PageQuery):
    state: EventState | None = None


class ReconciledShape(Shape):
    """``at_provider``: what the provider has of the payment; ``in_ledger``: what the ledger has, both without what went
    back or is disputed, in minor units. ``payment_id`` null: the provider has a payment that is not known here.
    """

    payment_id: UUID | None
    intent_id: str
    currency: str
    at_provider: int
    in_ledger: int


class ReconciliationShape(Shape):
    """``recovered``: events that had never come, and were carried out. Null: it goes on."""

    id: UUID
    since: datetime
    began_at: datetime
    ended_at: datetime | None
    recovered: int | None
    charges: Annotated[int, Field(description="How many of the provider were compared")]
    differing: Annotated[int, Field(description="How many differ, of which the first are told")]
    differences: list[ReconciledShape]


class ReconciliationsShape(Page[ReconciliationShape]):
    """The newest first."""


class BegunShape(Shape):
    reconciliation_id: UUID
