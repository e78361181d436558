"""The shapes of tiers and subscriptions over REST."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator

from server.features.money.currencies import CurrencyCode
from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Page, Shape, Text, one_line
from storage.postgres import Row

MAX_TIERS: Final = 10
MAX_NAME: Final = 40
MAX_DESCRIPTION: Final = 300
State = Literal["pending", "active", "past_due", "ended"]
Who = Annotated[Text, Field(min_length=1, max_length=64, description="A username, or a user's id")]


class TierBody(Body):
    id: Annotated[str, StringConstraints(pattern=UUID_PATTERN), Field(description="Of one that there is")] | None = None
    name: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_NAME),
        AfterValidator(lambda text: one_line(text, at_least=1, at_most=MAX_NAME)),
    ]
    amount: Annotated[int, Field(ge=1, le=2**53, description="A month, in minor units of the currency")]
    currency: CurrencyCode
    description: Annotated[
        Text,
        Field(max_length=MAX_DESCRIPTION),
        AfterValidator(lambda text: one_line(text, at_most=MAX_DESCRIPTION)),
    ] = ""


class TiersBody(Body):
    """All that there are to be, in their order. Who subscribed to another one keeps it."""

    tiers: Annotated[list[TierBody], Field(max_length=MAX_TIERS)]


class TierShape(Shape):
    id: uuid.UUID
    name: str
    description: str
    amount: Annotated[int, Field(description="A month, in minor units of the currency")]
    currency: str


class TiersShape(Shape):
    tiers: list[TierShape]


def _is_number(given: Any) -> Any:
    if isinstance(given, bool):
        raise ValueError("must be a number")
    return given


class SubscriptionBody(Body):
    user: Who
    tier: Annotated[Text, Field(min_length=1, max_length=64, description="The id of a tier of theirs, or its name")]
    gift_to: Annotated[Who | None, Field(description="Who is to have it, for one month")] = None
    gift_count: Annotated[
        Literal[1, 5, 10, 50] | None,
        BeforeValidator(_is_number),
        Field(description="Instead of gift_to: a month for so many persons in the creator's room, drawn at random"),
    ] = None

    @field_validator("gift_count")
    @classmethod
    def _is_one_kind_of_gift(cls, count: int | None, info: ValidationInfo) -> int | None:
        """Of the field, so that it is told with all others that are wrong."""
        if count is not None and info.data.get("gift_to") is not None:
            raise ValueError("takes either gift_to or gift_count")
        return count


class ChangeBody(Body):
    tier: Annotated[
        Text, Field(min_length=1, max_length=64, description="The id of a tier of the creator, or its name")
    ]


class PortalShape(Shape):
    url: Annotated[str, Field(description="A page of the provider; with test money, the settings")]


class PersonOfShape(Shape):
    id: uuid.UUID
    username: str
    display_name: str


class SubscriptionShape(Shape):
    """``user`` has it, ``to`` is whose tier it is, ``gift_from`` paid for it, if that is another person."""

    id: uuid.UUID
    user: PersonOfShape
    to: PersonOfShape
    gift_from: PersonOfShape | None
    tier_id: uuid.UUID
    tier: str
    amount: int
    currency: str
    state: State
    is_cancelled: Annotated[bool, Field(description="It ends when what was paid is over")]
    is_test: bool
    months: Annotated[int, Field(description="How many were paid")]
    created_at: datetime
    started_at: datetime | None
    paid_until: datetime | None
    ended_at: datetime | None


class GiftShape(Shape):
    """Each who is drawn has a subscription with ``gift_from``. What finds nobody goes back to the payer."""

    id: uuid.UUID
    count: int
    amount: Annotated[int, Field(description="Of all, in minor units of the currency")]
    currency: str
    state: Literal["pending", "placed", "refunded"]
    placed: int
    is_test: bool


class OpenedSubscriptionShape(Shape):
    """``gift`` in place of ``subscription`` for a ``gift_count``."""

    subscription: SubscriptionShape | None
    gift: GiftShape | None = None
    checkout_url: Annotated[str | None, Field(description="The page on which it is paid")]


class SubscriptionsShape(Page[SubscriptionShape]):
    """The newest first."""


def shown(row: Row) -> dict[str, Any]:
    """A subscription as those who are part of it see it."""

    def person(column: str, of: str) -> dict[str, Any]:
        return {"id": row[column], "username": row[f"{of}username"], "display_name": row[f"{of}display_name"]}

    fields = (
        *("id", "tier_id", "tier", "amount", "currency", "state", "is_cancelled", "is_test", "months"),
        *("created_at", "started_at", "paid_until", "ended_at"),
    )
    people = {
        "user": person("person_id", ""),
        "to": person("owner_id", "to_"),
        "gift_from": person("payer_id", "from_") if row["is_gift"] else None,
    }
    return {**{field: row[field] for field in fields}, **people}
