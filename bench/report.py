"""Figures: what every bench hands over, as text for people and as JSON for machines."""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

Better = Literal["lower", "higher"]


class Ratio(msgspec.Struct, frozen=True):
    """How many times better than another way of doing the same in the same run; below 1 it is worse."""

    peer: str
    ratio: float


class Point(msgspec.Struct, frozen=True):
    """Where a figure stands on a curve: its value is the height, `x` the place; both axes have a name and a unit."""

    line: str
    x: float
    x_name: str
    y_name: str


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer to part of a question: a median, and the least and the most that it is the median of.

    All numbers are finite; another one raises ValueError here, and not where a reader meets it.
    """

    question: str
    name: str
    value: float
    unit: str
    low: float
    high: float
    better: Better
    bar: float | None = None
    ratio_to: Ratio | None = None
    point: Point | None = None

    def __post_init__(self) -> None:
        numbers = [self.value, self.low, self.high, self.bar or 0.0]
        numbers += [self.ratio_to.ratio] if self.ratio_to else []
        numbers += [self.point.x] if self.point else []
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{self.question}: {self.name} is no number: {numbers}")

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.better == "higher" else self.value <= self.bar

    @property
    def peer_value(self) -> float | None:
        """The other one's figure, as it follows from the ratio."""
        if self.ratio_to is None or self.ratio_to.ratio <= 0:
            return None
        ratio = self.ratio_to.ratio
        return self.value / ratio if self.better == "higher" else self.value * ratio


def figure(
    question: str,
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    better: Better,
    bar: float | None = None,
    peer: str = "",
    against: Sequence[float] = (),
    point: Point | None = None,
) -> Figure:
    """The median of `values`, and the median ratio to what a peer did: round by round if there are as many rounds."""
    return Figure(
        question=question,
        name=name,
        value=statistics.median(values),
        unit=unit,
        low=min(values),
        high=max(values),
        better=better,
        bar=bar,
        ratio_to=Ratio(peer, _ratio(values, against, better)) if against else None,
        point=point,
    )


def _ratio(values: Sequence[float], against: Sequence[float], better: Better) -> float:
    if len(values) != len(against):
        values, against = [statistics.median(values)], [statistics.median(against)]
    return statistics.median(
        mine / max(other, 1e-12) if better == "higher" else other / max(mine, 1e-12)
        for mine, other in zip(values, against, strict=True)
    )


def number(value: float) -> str:
    """As many digits as a reader can use."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def amount(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def bar(found: Figure) -> str:
    """The bar in words, empty where there is none."""
    if found.bar is None:
        return ""
    return f"{'≥' if found.better == 'higher' else '≤'} {amount(found.bar, found.unit)}"


def spread(found: Figure) -> str:
    """From the least to the most, empty if it was measured once."""
    return "" if found.low == found.high else f"{number(found.low)}–{number(found.high)}"


def against(found: Figure) -> str:
    return f"×{number(found.ratio_to.ratio)} against {found.ratio_to.peer}" if found.ratio_to else ""


def verdict(found: Figure) -> str:
    return {None: "", True: "met", False: "MISSED"}[found.is_met]


def lines(figures: Iterable[Figure]) -> list[str]:
    """A line each, in columns: name, figure, spread, the other one, the bar."""
    rows = [
        (found.name, amount(found.value, found.unit), spread(found), against(found), bar(found), verdict(found))
        for found in figures
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def options(parser: argparse.ArgumentParser) -> None:
    """The option that every bench has."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too; - is standard output")


def hand_over(figures: Sequence[Figure], file: Path | None, *, head: str = "") -> None:
    """Prints the figures under a heading, and writes them as JSON where that is wanted."""
    print("\n".join([head] * bool(head) + lines(figures)))
    write(figures, file)


def write(figures: Sequence[Figure], file: Path | None) -> None:
    """As a JSON list; without a file nothing."""
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(list(figures)), indent=1) + b"\n")


def read(file: Path) -> list[Figure]:
    """What `write` wrote. Anything else raises msgspec.DecodeError."""
    return msgspec.json.decode(file.read_bytes(), type=list[Figure])
