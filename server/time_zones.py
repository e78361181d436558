"""The time zones that people may name."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

MAX_ZONE_CHARS: Final = 64


@cache
def zone_names() -> frozenset[str]:
    """The names of the IANA database."""
    return frozenset(available_timezones() | {"UTC"})


def _known(name: str) -> str:
    if name not in zone_names():
        raise ValueError("is no time zone of the IANA database, as Europe/Berlin")
    return name


ZoneName = Annotated[str, AfterValidator(_known), Field(max_length=MAX_ZONE_CHARS, examples=["Europe/Berlin"])]
"""In a body."""
