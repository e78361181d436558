"""The table of events that clients are promised (``docs/events.md``), held against what the features declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from server.describe import features

PAGE = Path(__file__).parents[3] / "docs" / "events.md"
CELL = re.compile("`([a-z_]+(?::[a-z_]+)?)`")


def rows(heading: str) -> list[tuple[list[str], str]]:
    """The names of a row's first cell, and its second, of the table whose first column has this heading."""
    lines = [*PAGE.read_text().split(f"| {heading} |", 1)[1].splitlines()[2:], ""]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines[: lines.index("")]]
    return [(CELL.findall(row[0]), row[1]) for row in cells]


def fields(shape: type[msgspec.Struct]) -> dict[str, bool]:
    """The shape's fields, and whether each is required."""
    return {field.encode_name: field.required for field in msgspec.structs.fields(shape)}


def described(body: str) -> dict[str, bool]:
    """The fields of ``{a, b?: …}``, and whether each is required."""
    outer = re.sub(r"\{[^{}]*\}", "", body.strip("`")[1:-1])
    parts = [part.split(":")[0].strip() for part in outer.split(",")]
    return {part.rstrip("?"): not part.endswith("?") for part in parts if part}


def names(table: Iterable[tuple[list[str], str]]) -> list[str]:
    return sorted(name for found, _ in table for name in found)


def test_the_tables_name_the_events_that_there_are() -> None:
    declared = features()
    assert names(rows("send")) == sorted(event.name for one in declared for event in one.events)
    assert names(rows("hear")) == sorted(event.name for one in declared for event in one.sent)


SENT = {event.name: event for one in features() for event in one.events}


@pytest.mark.parametrize("name", sorted(SENT))
def test_each_event_takes_what_its_row_says(name: str) -> None:
    """A row of several events names what any of them takes; what all of them require is required."""
    (body,) = [body for found, body in rows("send") if name in found]
    said, taken = described(body), fields(SENT[name].shape)
    assert set(taken) <= set(said)
    required = {field for field, is_required in taken.items() if is_required}
    assert required <= {field for field, is_required in said.items() if is_required}
