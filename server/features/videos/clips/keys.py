"""Where the objects of clips lie."""

from __future__ import annotations

from typing import Final

FILE: Final = "clip.mp4"
THUMBNAIL: Final = "thumbnail.webp"
"""The stream's picture as it was when the clip was made."""
PICTURE: Final = "picture.webp"
"""One of the clip's own."""


def prefix(clip_id: str) -> str:
    return f"clips/{clip_id}/"


def file_key(clip_id: str, name: str) -> str:
    return f"{prefix(clip_id)}{name}"
