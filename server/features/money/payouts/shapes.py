"""The shapes of earnings and payouts over REST."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from server.features.money.currencies import CurrencyCode
from server.http.shapes import Body, Day, Page, Query, Shape

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
