"""The base of every request and answer model, and the field types that several share."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from actors.text import clean_line, clean_lines
from server.http.cursors import CURSOR_PATTERN

Item = TypeVar("Item")


# Validators are built at their first use: a start would build hundreds that most processes never ask for.


class Body(BaseModel):
    """A request's body: what is not declared is refused, and types are not bent into one another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Query(BaseModel):
    """A request's query: parameters that are not declared are ignored, as caches and trackers add their own."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    return value


# ECMA 262 for "no NUL", so that tools which make up data from the schema make up storable data.
NO_NUL = "^[^\\u0000]*$"

Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": NO_NUL})]
"""Free text that Postgres can hold; bound its length with ``Field(max_length=…)``."""


def one_line(value: str, *, at_least: int = 0, at_most: int) -> str:
    """The text as people see it, on one line. Raises ValueError for one with too few characters that show, or too many
    (cleaning may lengthen a text: NFC takes some characters apart).
    """
    return _bounded(clean_line(value), at_least, at_most)


def several_lines(value: str, *, at_least: int = 0, at_most: int) -> str:
    """As ``one_line``, with its lines."""
    return _bounded(clean_lines(value), at_least, at_most)


def _bounded(text: str, at_least: int, at_most: int) -> str:
    if len(text) < at_least:
        raise ValueError("must have a character that shows")
    if len(text) > at_most:
        raise ValueError(f"must have at most {at_most} characters")
    return text


def _as_text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a date and time as RFC 3339 writes it")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_text), Field(strict=False)]
"""A date and time with its offset, in a body."""


def _as_day(value: object) -> object:
    if not isinstance(value, str) or _DAY.fullmatch(value):
        return value
    try:
        at = dt.datetime.fromisoformat(value) if _TIME.match(value) else None
        return at.astimezone(dt.UTC).date() if at is not None and at.tzinfo is not None else _no_day()
    except (ValueError, OverflowError):
        return _no_day()


def _no_day() -> object:
    raise ValueError("must be a day as 2026-11-30, or a time in it with its offset")


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:")
Day = Annotated[dt.date, BeforeValidator(_as_day)]
"""A day of UTC in a query, also as a time in it; not all that may be read as one, as seconds since 1970."""


def _plain_digits(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        raise ValueError("must be written in ASCII digits")
    if isinstance(value, str) and not value.removeprefix("-").isdigit():
        raise ValueError("must be an integer")
    return int(value) if isinstance(value, str) and len(value) < 20 else value


DIGITS = BeforeValidator(_plain_digits)
"""Last in the annotation of a query's integer: only a minus and ASCII digits, not all that ``int()`` reads."""

Limit = Annotated[int, Field(ge=1, le=100, description="How many items to answer with"), DIGITS]
Cursor = Annotated[
    str,
    StringConstraints(pattern=CURSOR_PATTERN),
    Field(description="`next` of the page before; opaque"),
]


class PageQuery(Query):
    limit: Limit = 20
    cursor: Cursor | None = None


class Page(Shape, Generic[Item]):
    items: list[Item]
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last one")]


class FieldErrorShape(Shape):
    field: Annotated[str, Field(description="Dotted path of the field; empty for the document as a whole")]
    message: str


class ProblemShape(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: Annotated[str, Field(description="What kind of problem this is, for programs")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    errors: Annotated[list[FieldErrorShape], Field(description="Every wrong field")] = []
