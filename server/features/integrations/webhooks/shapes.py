"""The shapes of webhooks over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from server.features.integrations.webhooks.kinds import EVENTS, EventName
from server.features.integrations.webhooks.sending import KEPT_ANSWER, Error
from server.http.shapes import Body, Page, Shape, Text
from server.outbound.urls import MAX_URL

Events = Annotated[
    list[EventName], Field(min_length=1, max_length=len(EVENTS), examples=[["stream.started", "chat.message"]])
]


class NewWebhookBody(Body):
    url: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=MAX_URL,
            description="https:// or http://, at a public address",
            examples=["https://example.org/hooks"],
        ),
    ]
    events: Events


class WebhookChanges(Body):
    """What is left out stays. ``active`` true switches on what was switched off; from then on events are sent again."""

    events: Events | None = None
    active: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, given: Any) -> Any:
        if isinstance(given, dict) and None in given.values():
            raise ValueError("leave out what shall stay")
        return given


class WebhookShape(Shape):
    id: UUID
    url: str
    events: list[EventName]
    created_at: datetime
    active: Annotated[bool, Field(description="false: switched off, by you or after a day of failures")]
    disabled_at: datetime | None
    failing_since: Annotated[datetime | None, Field(description="Since when no delivery was taken; null: all is well")]
    dropped: Annotated[int, Field(description="Events that were not kept since too many waited")]


class ShownWebhook(WebhookShape):
    secret: Annotated[str, Field(description="Signs the deliveries. Shown this once")]


class WebhooksShape(Page[WebhookShape]):
    """A page of them, in the order in which they were made."""


class DeliveryShape(Shape):
    id: UUID
    event_id: UUID
    event: str
    replay_of: UUID | None
    state: Literal["waiting", "delivered", "failed"]
    created_at: datetime
    tries: int
    tried_at: datetime | None
    next_try_at: datetime | None
    status: Annotated[int | None, Field(description="Of the last answer; null: there was none")]
    error: Annotated[Error | Literal["switched_off"], Field(description="Why the last try failed; empty: it did not")]
    answer: Annotated[str, Field(description=f"The first {KEPT_ANSWER} bytes of the last answer")]
    duration_ms: int | None


class DeliveriesShape(Page[DeliveryShape]):
    """A page of them, the newest first."""
