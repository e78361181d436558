"""The settings of pictures that people send."""

from __future__ import annotations

from pydantic import BaseModel, Field


class PictureSettings(BaseModel):
    max_picture_bytes: int = Field(
        8 * 1024 * 1024, ge=1_024, le=64 * 1024 * 1024, description="bytes of an avatar or banner as it is sent"
    )
    max_picture_pixels: int = Field(
        40_000_000, ge=10_000, le=100_000_000, description="width times height of a picture that is decoded"
    )
    max_pictures_per_hour: int = Field(
        60, ge=1, description="avatars and banners that one account sends in an hour; a third of it at once"
    )
    max_pictures_at_once: int = Field(
        2, ge=1, le=64, description="processes of a node that re-encode pictures; each takes 1 GiB at most"
    )
