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
MAX_RULES: Final = 300
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
    amount: Annotated[int, Field(description="With what is withheld, in minor units")]
    withheld: Annotated[int, Field(description="Kept back of it for taxes, by the server's rule")]
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
    amount: Annotated[int, Field(description="Of the payouts of the year, with what was withheld, in minor units")]
    withheld: Annotated[int, Field(description="Kept back of it for taxes")]


class YearTotalsShape(Shape):
    year: int
    totals: list[YearTotalShape]


class RuleBody(Body):
    """``country`` null: of those who have given no tax details."""

    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), Field(description="ISO 3166-1")] | None
    percent: Annotated[int, Field(ge=1, le=100)]


class RulesBody(Body):
    """All that there are to be. Where no rule is, nothing is withheld."""

    rules: Annotated[list[RuleBody], Field(max_length=MAX_RULES)]


class RuleShape(Shape):
    country: str | None
    percent: int


class HeldShape(Shape):
    person_id: uuid.UUID
    username: str
    currency: str
    amount: int


class WithholdingShape(Shape):
    """``held``: what is kept back now, of at most 1,000 persons and currencies."""

    rules: list[RuleShape]
    held: list[HeldShape]


class SettleBody(Body):
    """``release``: to the person's balance; ``remit``: to the tax office."""

    user: Annotated[Text, Field(min_length=1, max_length=64, description="A username, or a user's id")]
    currency: CurrencyCode
    to: Literal["release", "remit"]
    amount: Annotated[int | None, Field(ge=1, le=2**53, description="In minor units; all of it without one")] = None


class SettledShape(Shape):
    amount: int
    left: int
