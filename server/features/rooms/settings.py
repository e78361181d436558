"""The settings of what people do together in a room."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator


class RoomSettings(BaseModel):
    points_per_minute: int = Field(10, ge=0, le=10_000, description="channel points that a minute of watching earns")
    judge_url: str | None = Field(
        None,
        max_length=1_024,
        description="address that each chat message is POSTed to before it is shown, for a verdict within 50 ms; it "
        "may be a private one",
    )
    judge_when_late: Literal["allow", "hold"] = Field(
        "allow",
        description="what becomes of a message that judge_url has no verdict on in time: it is shown, and taken away "
        "if it is refused within 10 s, or it waits for a moderator",
    )

    max_emotes: int = Field(60, ge=0, le=1_000, description="emotes of one owner of rooms")
    max_emote_bytes: int = Field(
        512 * 1024, ge=1_024, le=8 * 1024 * 1024, description="bytes of an emote as it is sent"
    )
    max_emote_pixels: int = Field(
        90_000, ge=784, le=4_000_000, description="width times height of an emote that is decoded"
    )
    max_emotes_per_hour: int = Field(60, ge=1, description="emotes that one account sends in an hour; a third at once")

    @field_validator("judge_url")
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is not None and not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
            raise ValueError("judge_url must be an http:// or https:// address")
        return url
