"""The shapes of analytics over REST."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from server.features.insight.analytics.periods import By, Metric
from server.http.shapes import Day, Query, Shape


class RetentionPoint(Shape):
    """Who watched at some time in the step that begins `at_s` seconds after the start; `share` of all who came."""

    at_s: int
    viewers: int
    share: float


class AmountShape(Shape):
    currency: str
    amount: Annotated[int, Field(description="Minor units")]


class AnalyticsShape(Shape):
    """Of one stream until now. ``latency_ms`` is null while no client has reported any."""

    stream_id: uuid.UUID
    started_at: datetime | None
    ended_at: datetime | None
    peak_viewers: int
    unique_viewers: int
    views: Annotated[int, Field(description="Times that watching began; those of the last seconds come later")]
    watch_seconds: int
    average_watch_seconds: int
    stalled_seconds: int
    latency_ms: int | None
    chat_messages: int
    chatters: int
    mood: Annotated[float | None, Field(description="Of the latest messages, -1 to 1; null where no model can tell")]
    followers_gained: Annotated[int, Field(description="Who began to follow while it was on the air, and still do")]
    revenue: Annotated[list[AmountShape], Field(description="What the ledger has booked for you of its tips")]
    sources: Annotated[dict[str, int], Field(description="Views by where viewers came from")]
    devices: dict[str, int]
    countries: Annotated[dict[str, int], Field(description="ISO 3166-1 alpha-2, or `unknown`")]
    watch_seconds_by_protocol: dict[str, int]
    watch_seconds_by_rendition: dict[str, int]
    step_s: int
    retention: list[RetentionPoint]
    computed_at: Annotated[datetime, Field(description="Of a very large stream the curve is this old")]


class PeriodQuery(Query):
    """Days in UTC, both with what happened on them."""

    since: Annotated[Day | None, Field(alias="from", description="The first day; 27 days before the last")] = None
    to: Annotated[Day | None, Field(description="The last day; today")] = None


class MyAnalyticsQuery(PeriodQuery):
    metric: Metric = "views"
    by: Annotated[By, Field(description="Days, or what the metric is known by; of others 422")] = "day"


class PointShape(Shape):
    key: Annotated[str, Field(description="A day, a stream's id, a country, a device or a source")]
    value: int
    currency: Annotated[str | None, Field(description="Of revenue, in minor units")] = None


class TotalsShape(Shape):
    """In all of the days. ``viewers``: a viewer of several days counts on each."""

    views: int
    viewers: int
    watch_seconds: int
    peak_viewers: int
    chat_messages: int
    followers: int
    revenue: list[AmountShape]


class MyAnalyticsShape(Shape):
    first: Annotated[date, Field(serialization_alias="from")]
    to: date
    metric: Metric
    by: By
    totals: TotalsShape
    items: list[PointShape]
    next: None = None


class ServerDayShape(Shape):
    day: date
    new_people: int
    streams: int
    watch_seconds: int
    posts: int
    views: int


class ServerTotalsShape(Shape):
    new_people: int
    streams: int
    watch_seconds: int
    posts: int
    views: int
    revenue: Annotated[list[AmountShape], Field(description="The server's share, as the ledger has it")]


class ServerAnalyticsShape(Shape):
    first: Annotated[date, Field(serialization_alias="from")]
    to: date
    totals: ServerTotalsShape
    items: list[ServerDayShape]
    next: None = None
