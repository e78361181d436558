"""The settings of the town's rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

OptionalRoom = Literal["market", "help", "wellbeing", "local", "projects", "courses", "assistant", "ads"]


class OptionalRoomSettings(BaseModel):
    rooms: Annotated[tuple[OptionalRoom, ...], NoDecode] = Field(
        ("market", "help", "wellbeing", "local", "projects", "courses", "assistant", "ads"),
        description="rooms that are there, comma-separated; one that is left out has no pages, calls and schedules "
        "(orders under way wait for its return). Without ads there is no advertising",
    )
    max_listings: int = Field(500, ge=1, le=100_000, description="listings that an account has at most")
    order_pay_minutes: int = Field(
        30, ge=1, le=1_440, description="minutes that a buyer has to pay an order, whose goods are kept meanwhile"
    )
    order_ship_days: int = Field(
        7, ge=1, le=90, description="days that a seller has to ship a paid order, until its money goes back"
    )
    order_receive_days: int = Field(
        14, ge=1, le=90, description="days after which an order that was shipped counts as received"
    )
    order_dispute_days: int = Field(
        5, ge=1, le=90, description="days to answer a dispute, and then to decide it, until the clock does"
    )

    max_offers: int = Field(100, ge=1, le=10_000, description="offers of a place that an account has at a time")
    max_open_tickets: int = Field(20, ge=1, le=1_000, description="tickets of an account that are not closed, at most")
    ticket_answer_hours: float = Field(
        24,
        ge=0.1,
        le=720,
        description="hours in which a ticket of normal priority is to be answered; a low one in three times as many, a "
        "high one in a quarter, an urgent one in a 24th",
    )
    help_dir: Path | None = Field(
        None, description="folder of the operator's own help articles: Markdown files in en/ and ar/, a title on top"
    )

    @field_validator("rooms", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list):
            return given
        return tuple(part.strip() for item in given for part in str(item).split(",") if part.strip())
