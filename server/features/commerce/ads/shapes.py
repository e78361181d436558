"""Advertising as clients see it: campaigns and their videos."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from server.features.commerce.ads.auction import AGES
from server.features.money.currencies import CurrencyCode
from server.http.shapes import Body, Moment, Page, PageQuery, Shape, Text, one_line
from storage.postgres import Row

MAX_NAME: Final = 100
MAX_URL: Final = 2_000
MAX_LIST: Final = 50
MAX_AMOUNT: Final = 2**53
MAX_DURATION_MS: Final = 7_500

Label = Literal["adult", "alcohol", "drugs", "gambling", "language", "politics", "religion", "violence", "warned"]
"""``adult``: a stream for people of 18 years and older; ``warned``: one with a content warning of any kind."""
Age = Literal["18-24", "25-34", "35-44", "45-54", "55+"]
CampaignState = Literal["active", "paused", "ended"]
CreativeState = Literal["waiting", "approved", "refused"]
Wait = Literal["payment", "approval", "start", "money", "end"]
assert set(AGES) == set(Age.__args__)  # type: ignore[attr-defined]


def _https(url: str) -> str:
    """Raises ValueError."""
    parts = urlsplit(url)
    plain = parts.scheme == "https" and parts.username is None and parts.password is None
    if not plain or "." not in (parts.hostname or "").strip(".") or any(c.isspace() or c < " " for c in url):
        raise ValueError("must be an https:// address of a site, without a name and password")
    return url


def _word(text: str) -> str:
    return one_line(text, at_least=1, at_most=40).lower()


Name = Annotated[
    Text, AfterValidator(partial(one_line, at_least=1, at_most=MAX_NAME)), Field(min_length=1, max_length=MAX_NAME)
]
Url = Annotated[Text, Field(min_length=9, max_length=MAX_URL), AfterValidator(_https)]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT, description="In minor units of the currency")]
Bid = Annotated[int, Field(ge=1, le=10**9, description="Minor units for a thousand impressions, at most")]
Cap = Annotated[int, Field(ge=1, le=100, description="Impressions of one viewer a day")]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2")]
Language = Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$"), Field(description="ISO 639")]
Word = Annotated[Text, Field(min_length=1, max_length=40), AfterValidator(_word)]
Words = Annotated[list[Word], Field(max_length=MAX_LIST), AfterValidator(lambda words: sorted(set(words)))]
Labels = Annotated[list[Label], Field(max_length=MAX_LIST), AfterValidator(lambda labels: sorted(set(labels)))]


class Targeting(Body):
    """Of an empty list, everything will do. Countries, ages and interests are those of viewers who have consented to
    it; to others the campaign is not shown. Languages and categories are the stream's.
    """

    countries: Annotated[list[Country], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    languages: Annotated[list[Language], Field(max_length=MAX_LIST)] = Field(default_factory=list)
    ages: Annotated[list[Age], Field(max_length=len(AGES))] = Field(default_factory=list)
    interests: Words = Field(default_factory=list)
    categories: Words = Field(default_factory=list)


AVOIDED: Final[list[Label]] = ["adult", "warned"]


class NewCampaign(Body):
    name: Name
    budget: Amount
    bid: Bid
    currency: CurrencyCode = "USD"
    starts_at: Moment
    ends_at: Moment
    click_url: Url
    targeting: Targeting = Targeting()
    avoid: Annotated[Labels, Field(description="What streams must not be about")] = AVOIDED
    cap: Cap = 5


class CampaignChange(Body):
    """What is left out stays."""

    name: Annotated[Name, Field(default_factory=str)]
    state: Literal["active", "paused"] = "active"
    budget: Annotated[Amount, Field(default_factory=int)]
    bid: Annotated[Bid, Field(default_factory=int)]
    starts_at: Annotated[Moment, Field(default_factory=datetime.now)]
    ends_at: Annotated[Moment, Field(default_factory=datetime.now)]
    click_url: Annotated[Url, Field(default_factory=str)]
    targeting: Targeting = Targeting()
    avoid: Labels = Field(default_factory=list)
    cap: Annotated[Cap, Field(default_factory=int)]


class CampaignShape(Shape):
    id: UUID
    name: str
    state: CampaignState
    waits_for: Annotated[list[Wait], Field(description="Why nothing of it is shown now; empty: it may be shown")]
    budget: Annotated[int, Field(description="The most that is spent, in minor units")]
    paid: Annotated[int, Field(description="What was paid in advance and has not gone back")]
    spent: Annotated[int, Field(description="In minor units, begun ones counted")]
    bid: int
    currency: str
    starts_at: datetime
    ends_at: datetime
    targeting: dict[str, list[str]]
    avoid: list[str]
    cap: int
    click_url: str
    created_at: datetime


class CampaignsShape(Page[CampaignShape]):
    """A page of campaigns, the newest first."""


class MadeCampaign(Shape):
    campaign: CampaignShape


class PaymentBody(Body):
    amount: Amount


class OpenedPayment(Shape):
    payment_id: UUID
    client_secret: Annotated[str, Field(description="Of the provider of payments, for a client that confirms it")]
    checkout_url: Annotated[str | None, Field(description="The page to pay on instead, where there is one")]


class CreativeBody(Body):
    video_id: Annotated[UUID, Field(strict=False, description="A video of yours, ready, of at most 7.5 seconds")]
    labels: Annotated[Labels, Field(description="What it is about")] = Field(default_factory=list)


class CreativeShape(Shape):
    id: UUID
    campaign_id: UUID
    campaign: str
    video_id: UUID
    title: str
    duration_ms: int
    labels: list[str]
    state: CreativeState
    reason: Annotated[str, Field(description="Why it was refused")]
    click_url: str
    owner_id: UUID
    owner: Annotated[str, Field(description="The advertiser's username")]
    video: Annotated[str, Field(description="Its playlist")]
    created_at: datetime
    decided_at: datetime | None


class MadeCreative(Shape):
    creative: CreativeShape


class CreativesShape(Page[CreativeShape]):
    """Videos of campaigns, the oldest first."""


class CreativesQuery(PageQuery):
    state: CreativeState = "waiting"


class VerdictBody(Body):
    state: Literal["approved", "refused"]
    reason: Annotated[
        Text, Field(max_length=500), AfterValidator(partial(one_line, at_most=500)), Field(description="For its owner")
    ] = ""


CAMPAIGN_FIELDS: Final = (
    "id", "name", "state", "budget", "paid", "bid", "currency", "starts_at", "ends_at", "targeting", "avoid", "cap",
    "click_url", "created_at",
)  # fmt: skip
CREATIVE_FIELDS: Final = (
    "id", "campaign_id", "campaign", "video_id", "title", "duration_ms", "labels", "state", "reason", "click_url",
    "owner_id", "created_at", "decided_at",
)  # fmt: skip


def waits_for(row: Row, now: datetime) -> list[str]:
    """What keeps a campaign from being shown."""
    limit = min(row["budget"], row["paid"]) * 1_000
    waits = {
        "payment": row["paid"] == 0,
        "approval": not row["has_approved"],
        "start": now < row["starts_at"],
        "money": row["paid"] > 0 and limit - row["used"] < row["bid"],
        "end": now >= row["ends_at"] or row["state"] == "ended",
    }
    return [name for name, holds in waits.items() if holds]


def campaign(row: Row, now: datetime) -> dict[str, Any]:
    return {
        **{field: row[field] for field in CAMPAIGN_FIELDS},
        "waits_for": waits_for(row, now),
        "spent": -(-row["used"] // 1_000),
    }


def creative(row: Row) -> dict[str, Any]:
    told = {field: row[field] for field in CREATIVE_FIELDS}
    return {**told, "owner": row["username"], "video": f"/vod/{row['video_id']}/index.m3u8"}
