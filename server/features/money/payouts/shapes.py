"""The shapes of earnings and payouts over REST."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from server.features.money.currencies import CurrencyCode
from server.http.shapes import Body, Day, Page, Query, Shape, Text, one_line

MAX_STATEMENT: Final = 50_000
"""Lines."""
State = Literal["pending", "paid", "failed"]


class PeriodQuery(Query):
    """Days in UTC, both with what happened on them."""

    since: Annotated[Day | None, Field(alias="from", description="The first day; 30 days before the last")] = None
    to: Annotated[Day | None, Field(description="The last day; today")] = None


class StatementQuery(PeriodQuery):
    currency: Annotated[CurrencyCode | None, Field(description="Only of this one")] = None


class EarnedShape(Shape):
    """``paid`` − ``share`` − ``earned`` is 0. ``reversal``: what went back, so negative."""

    currency: str
    kind: str
    transfers: int
    paid: Annotated[int, Field(description="By those who paid, in minor units")]
    share: Annotated[int, Field(description="Of the server")]
    earned: Annotated[int, Field(description="Yours")]


class TotalShape(Shape):
    currency: str
    paid: int
    share: int
    earned: int


class EarningsShape(Shape):
    since: Annotated[date, Field(serialization_alias="from")]
    to: date
    earnings: list[EarnedShape]
    totals: list[TotalShape]


class OnboardingShape(Shape):
    onboarding_url: Annotated[str, Field(description="Where the person tells the provider whom to pay")]
    is_ready: Annotated[bool, Field(description="Whether payouts may be asked for")]


class PayoutBody(Body):
    currency: CurrencyCode
    amount: Annotated[int | None, Field(ge=1, le=2**53, description="In minor units; all of it without one")] = None


class PayoutShape(Shape):
    """``failed``: it was not paid, and is available again."""

    id: uuid.UUID
    amount: int
    currency: str
    is_test: bool
    state: State
    reason: str
    created_at: datetime
    paid_at: datetime | None


class AskedPayoutShape(Shape):
    payout: PayoutShape


class PayoutsShape(Page[PayoutShape]):
    """The newest first."""


Line = Annotated[Text, Field(max_length=200), AfterValidator(lambda text: one_line(text, at_most=200))]


class TaxBody(Body):
    """Encrypted at rest; read by you, and by operators with the totals of a year."""

    legal_name: Annotated[
        Text, Field(min_length=1, max_length=200), AfterValidator(lambda text: one_line(text, at_least=1, at_most=200))
    ]
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), Field(description="ISO 3166-1")]
    tax_id: Annotated[
        Text, Field(min_length=1, max_length=40), AfterValidator(lambda text: one_line(text, at_least=1, at_most=40))
    ]
    address: Line = ""


class TaxShape(Shape):
    legal_name: str
    country: str
    tax_id: str
    address: str
    changed_at: datetime


class YearQuery(Query):
    year: Annotated[int | None, Field(ge=2000, le=2200, description="In UTC; this one")] = None


class YearTotalShape(Shape):
    currency: str
    payouts: int
    amount: Annotated[int, Field(description="Paid out in the year, in minor units")]


class YearTotalsShape(Shape):
    year: int
    totals: list[YearTotalShape]
