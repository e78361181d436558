"""A plot of something over time with what happened meanwhile, as an SVG: one strip for each happening."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _STRIP, _TOP, _LEFT, _RIGHT = 920, 110, 46, 64, 16
_INK, _SHADE, _GRID = "#1f6feb", "#f4c7c3", "#dddddd"


class Strip(NamedTuple):
    """``points``: (seconds since the happening began, a second's worth); it lasted ``lasts_s``."""

    title: str
    lasts_s: float
    points: Sequence[tuple[float, float]]


def draw(file: Path, *, title: str, unit: str, strips: Sequence[Strip]) -> None:
    """All strips have the same scale, in time and in height."""
    start = min((at for strip in strips for at, _ in strip.points), default=0.0)
    end = max((at for strip in strips for at, _ in strip.points), default=1.0)
    most = max((value for strip in strips for _, value in strip.points), default=1.0) or 1.0
    height = _TOP + len(strips) * _STRIP + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(_LEFT, 24, title, size=15),
    ]
    for number, strip in enumerate(strips):
        parts += _strip(strip, _TOP + number * _STRIP, start, end, most)
    parts.append(_text(_WIDTH / 2, height - 10, f"seconds; {unit} up to {most:,.0f}", anchor="middle"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def _strip(strip: Strip, top: float, start: float, end: float, most: float) -> list[str]:
    inside, bottom = _STRIP - 34, top + _STRIP - 18

    def across(at: float) -> float:
        return _LEFT + (at - start) / max(end - start, 1e-9) * (_WIDTH - _LEFT - _RIGHT)

    path = " ".join(f"{across(at):.1f},{bottom - value / most * inside:.1f}" for at, value in strip.points)
    wide = max(1.5, across(strip.lasts_s) - across(0.0))
    parts = [
        f'<rect x="{across(0.0):.1f}" y="{bottom - inside:.1f}" width="{wide:.1f}" height="{inside}" fill="{_SHADE}"/>',
        f'<line x1="{_LEFT}" y1="{bottom}" x2="{_WIDTH - _RIGHT}" y2="{bottom}" stroke="{_GRID}"/>',
        f'<polyline points="{path}" fill="none" stroke="{_INK}" stroke-width="1.5"/>',
        _text(_LEFT, bottom - inside - 4, strip.title),
        _text(_LEFT - 8, bottom, "0", anchor="end", size=10),
        _text(_LEFT - 8, bottom - inside + 8, f"{most:,.0f}", anchor="end", size=10),
    ]
    step = 1 if end - start <= 15 else 5
    ticks = range(int(start // step) * step, int(end) + 1, step)
    return [*parts, *(_text(across(at), bottom + 12, str(at), anchor="middle", size=9) for at in ticks if at >= start)]


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    found = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#333333"'
    return f"<text {found}>{escape(text)}</text>"
