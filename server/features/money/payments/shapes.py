"""The shapes of payments over REST, for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from server.features.money.payments.provider import ProviderName
from server.http.shapes import Body, Page, PageQuery, Shape, Text

EventState = Literal["waiting", "done", "ignored", "failed"]


class PaymentShape(Shape):
    """Amounts in minor units. ``net``: what the ledger has of it, with the server's share."""

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
