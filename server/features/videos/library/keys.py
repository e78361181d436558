"""Where the objects of videos lie, and how their addresses name them."""

from __future__ import annotations

from typing import Final

SOUND: Final = "audio"
INIT: Final = "init.mp4"


def prefix(video_id: str) -> str:
    return f"videos/{video_id}/"


def poster_key(video_id: str) -> str:
    return f"{prefix(video_id)}poster.webp"


def file_key(video_id: str, edition: int, rendition: str, file: str) -> str:
    return f"{prefix(video_id)}{edition}/{rendition}/{file}"


def segment_file(number: int) -> str:
    return f"{number}.m4s"
