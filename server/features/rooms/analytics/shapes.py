"""The shapes of analytics over REST."""

from __future__ import annotations

import uuid
from datetime import datetime

from server.http.shapes import Shape


class RetentionPoint(Shape):
    """Who watched at some time in the step that begins `at_s` seconds after the start; `share` of all who came."""

    at_s: int
    viewers: int
    share: float


class AnalyticsShape(Shape):
    """Of one stream until now. ``latency_ms`` is null while no client has reported any."""

    stream_id: uuid.UUID
    started_at: datetime | None
    ended_at: datetime | None
    peak_viewers: int
    unique_viewers: int
    watch_seconds: int
    average_watch_seconds: int
    stalled_seconds: int
    latency_ms: int | None
    chat_messages: int
    chatters: int
    watch_seconds_by_protocol: dict[str, int]
    watch_seconds_by_rendition: dict[str, int]
    step_s: int
    retention: list[RetentionPoint]
