"""Curves as an SVG file, written by hand: both axes logarithmic, one line a server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

_WIDTH, _HEIGHT = 860, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 190, 40, 60
_COLOURS = ("#1b6ef3", "#d9480f", "#2b8a3e", "#862e9c", "#c92a2a", "#0b7285", "#5c940d")

Point = tuple[float, float]


class _Axis:
    def __init__(self, values: Iterable[float], start: float, end: float) -> None:
        found = [value for value in values if value > 0]
        self._low = math.floor(math.log10(min(found, default=1)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(found, default=10))))
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(max(value, 10.0**self._low)) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def draw(name: str, *, title: str, x: str, y: str, lines: Mapping[str, Sequence[Point]]) -> Path:
    """Writes `results/NAME.svg`; the file."""
    points = [point for line in lines.values() for point in line if all(math.isfinite(value) for value in point)]
    across = _Axis((point[0] for point in points), _LEFT, _WIDTH - _RIGHT)
    up = _Axis((point[1] for point in points), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(_LEFT, 22, title, size=15),
        *_grid(across, up),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x, anchor="middle"),
        f'<g transform="translate(18 {(_HEIGHT) / 2}) rotate(-90)">{_text(0, 0, y, anchor="middle")}</g>',
    ]
    for number, (line, found) in enumerate(lines.items()):
        parts += _line(number, line, sorted(found), across, up)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.svg"
    file.write_text("\n".join([*parts, "</svg>"]) + "\n")
    return file


def _grid(across: _Axis, up: _Axis) -> list[str]:
    parts = []
    for tick in across.ticks:
        parts += [_rule(across.at(tick), _TOP, across.at(tick), _HEIGHT - _BOTTOM)]
        parts += [_text(across.at(tick), _HEIGHT - _BOTTOM + 18, _short(tick), anchor="middle")]
    for tick in up.ticks:
        parts += [_rule(_LEFT, up.at(tick), _WIDTH - _RIGHT, up.at(tick))]
        parts += [_text(_LEFT - 8, up.at(tick) + 4, _short(tick), anchor="end")]
    return parts


def _line(number: int, name: str, points: Sequence[Point], across: _Axis, up: _Axis) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    placed = [(across.at(x), up.at(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
    top = _TOP + 10 + number * 20
    key = f'<rect x="{_WIDTH - _RIGHT + 16}" y="{top - 9}" width="12" height="12" fill="{colour}"/>'
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [line, *dots, key, _text(_WIDTH - _RIGHT + 34, top + 2, name)]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#333333">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
