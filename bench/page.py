"""A run as one HTML file that needs nothing else: tables, bars with their spread, curves. Plots are inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from bench import report
from bench.machine import Machine
from bench.outcome import BenchAnswer, BenchOutcome
from bench.report import Figure

_WIDTH: Final = 420
_ROW: Final = 46
_VALUE_WIDTH: Final = 96
_PLOT = {"left": 50, "right": 408, "top": 12, "bottom": 250}
_HUES: Final = 7

_STYLE: Final = """
:root { color-scheme: light dark; --ground: #fbfbfa; --ink: #1c1d21; --soft: #63666f; --rule: #dcdde1; --card: #fff;
  --bar: #2f6fde; --peer: #b4b8c2; --good: #18794e; --bad: #c0362c;
  --c0: #2f6fde; --c1: #d9630f; --c2: #18794e; --c3: #8b3fb0; --c4: #c0362c; --c5: #0b7285; --c6: #7a6a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #15161a; --ink: #ececf0; --soft: #a0a3ad; --rule: #34363d;
  --card: #1d1f24; --bar: #6c9cf5; --peer: #5c606b; --good: #57c28c; --bad: #f07a70;
  --c0: #6c9cf5; --c1: #f2985a; --c2: #57c28c; --c3: #c58ae0; --c4: #f07a70; --c5: #55b7c9; --c6: #cfbf4a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 0 0 .25rem; } p { margin: .25rem 0; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1rem;
  margin-top: 1rem; }
.soft, dt, th { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.tally { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin-top: .75rem; } .tally b { font-size: 1.5rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td:first-child { min-width: 9rem; } th { font-weight: 500; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 1rem; }
figure { margin: 1rem 0 0; } figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 13px; }
svg .soft { fill: var(--soft); font-size: 11px; } .rule { stroke: var(--rule); }
.mine { fill: var(--bar); } .peer { fill: var(--peer); } .whisker { stroke: var(--ink); stroke-width: 1.5; }
.goal { stroke: var(--good); stroke-width: 2; stroke-dasharray: 3 2; }
code { font: .85rem ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .15rem 1rem; margin: .5rem 0 0; font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .85rem; } .key i { display: inline-block;
  width: .7rem; height: .7rem; border-radius: 2px; margin-right: .35rem; }
""" + "".join(
    f".l{hue} {{ stroke: var(--c{hue}); fill: none; stroke-width: 2; }}"
    f" .d{hue} {{ fill: var(--c{hue}); background: var(--c{hue}); }}\n"
    for hue in range(_HUES)
)


def page(outcome: BenchOutcome, *, note: str = "") -> str:
    """The whole document; the note is for all that follows it."""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Social Flow: benches</title><style>{_STYLE}</style></head><body>",
        _head(outcome, note),
        *(_section(answer) for answer in outcome.answers),
        _machine(outcome.machine),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _head(outcome: BenchOutcome, note: str) -> str:
    verdicts = [found.is_met for found in outcome.figures]
    failed = sum(bool(answer.error) for answer in outcome.answers)
    tally = [("bars met", verdicts.count(True), "good"), ("bars missed", verdicts.count(False), "bad")]
    tally += [("benches that failed to run", failed, "bad")] if failed else []
    counts = "".join(f'<p><b class="{kind}">{count}</b> {what}</p>' for what, count, kind in tally)
    about = f"{outcome.machine.at} · {outcome.machine.processor}, {outcome.machine.cores} cores"
    return (
        f'<header><h1>Benches</h1><p class="soft">{escape(about)}</p><div class="tally">{counts}</div>'
        f'<p class="bad">{escape(note)}</p>'
        '<p class="soft">Medians. The thin line over a bar goes from the least to the most of the rounds, the dashed'
        " one is the figure to reach, grey is another way of doing the same in the same run.</p></header>"
    )


def _section(answer: BenchAnswer) -> str:
    parts = [f'<section id="{escape(answer.name)}"><h2>{escape(answer.asks)}</h2>']
    if answer.error:
        parts.append(f'<p class="bad">It failed to run: {escape(answer.error)}</p>')
    else:
        parts += [_table(answer.figures), '<div class="plots">', *_bars(answer.figures), *_curves(answer.figures)]
        parts.append("</div>")
    parts.append(f'<p class="soft"><code>{escape(answer.command)}</code> · {answer.took_s:.0f} s</p></section>')
    return "\n".join(parts)


def _table(figures: Iterable[Figure]) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("what", "figure", "bar", "", "spread", "against"))
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(map(_row, figures))}</table></div>'


def _row(found: Figure) -> str:
    verdict = report.verdict(found).lower()
    kind = "good" if verdict == "met" else "bad"
    cells = [
        ("number", report.amount(found.value, found.unit)),
        ("number", report.bar(found)),
        (kind, verdict),
        ("number", report.spread(found)),
        ("number", report.against(found)),
    ]
    told = "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in cells)
    return f"<tr><td>{escape(found.name)}</td>{told}</tr>"


def _machine(machine: Machine) -> str:
    rows = {
        "processor": f"{machine.processor}, {machine.cores} cores",
        "memory": f"{machine.memory_gb} GB",
        "system": machine.system,
        "Python": machine.python,
        "load before": str(machine.load),
        "commit": machine.commit,
        "packages": ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value)
    return f"<section><h2>The machine</h2><dl>{listed}</dl></section>"


# ---------------------------------------------------------------------------------------------------------------- bars


def _bars(figures: Sequence[Figure]) -> list[str]:
    """A plot for each unit, but for figures that stand on a curve."""
    single = [found for found in figures if found.point is None]
    return [_bar_plot(unit, [f for f in single if f.unit == unit]) for unit in dict.fromkeys(f.unit for f in single)]


def _bar_plot(unit: str, figures: Sequence[Figure]) -> str:
    most = max(max(f.value, f.high, f.bar or 0.0, f.peer_value or 0.0) for f in figures) or 1.0
    drawn = "".join(_bar_row(number * _ROW, found, most) for number, found in enumerate(figures))
    label = "; ".join(f"{found.name} {report.amount(found.value, unit)}" for found in figures)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {len(figures) * _ROW}" role="img" aria-label="{escape(label)}">{drawn}'
        f"</svg><figcaption>{escape(unit or 'count')}, {_wish(figures)}</figcaption></figure>"
    )


def _wish(figures: Sequence[Figure]) -> str:
    wishes = {f"{found.better} is better" for found in figures}
    return wishes.pop() if len(wishes) == 1 else "as the table says"


def _bar_row(top: int, found: Figure, most: float) -> str:
    def at(value: float) -> float:
        return max(0.0, value) / most * (_WIDTH - _VALUE_WIDTH)

    middle = top + 28
    parts = [_text(0, top + 14, found.name), _rect("mine", top + 21, at(found.value), 14)]
    if found.peer_value is not None:
        parts.append(_rect("peer", top + 37, at(found.peer_value), 4))
    if found.low != found.high:
        parts += [_line("whisker", at(found.low), middle, at(found.high), middle)]
        parts += [_line("whisker", at(end), middle - 4, at(end), middle + 4) for end in (found.low, found.high)]
    if found.bar is not None:
        parts.append(_line("goal", at(found.bar), top + 18, at(found.bar), top + 42))
    end = max(at(value) for value in (found.value, found.high, found.bar or 0.0))
    return "".join([*parts, _text(end + 6, middle + 5, report.number(found.value))])


# -------------------------------------------------------------------------------------------------------------- curves


def _curves(figures: Iterable[Figure]) -> list[str]:
    """A plot for each pair of axes, a line for each name."""
    plots: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for found in figures:
        if found.point is not None:
            lines = plots.setdefault((found.point.x_name, found.point.y_name), {})
            lines.setdefault(found.point.line, []).append((found.point.x, found.value))
    return [_curve_plot(x_name, y_name, lines) for (x_name, y_name), lines in plots.items()]


def _curve_plot(x_name: str, y_name: str, lines: dict[str, list[tuple[float, float]]]) -> str:
    points = [point for line in lines.values() for point in line]
    across = _Axis([x for x, _ in points], _PLOT["left"], _PLOT["right"])
    up = _Axis([y for _, y in points], _PLOT["bottom"], _PLOT["top"])
    parts = _grid(across, up)
    for hue, line in enumerate(lines.values()):
        placed = [(across.at(x), up.at(y)) for x, y in sorted(line)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="l{hue % _HUES}" points="{way}"/>')
        parts += [f'<circle class="d{hue % _HUES}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in placed]
    key = "".join(f'<span><i class="d{n % _HUES}"></i>{escape(name)}</span>' for n, name in enumerate(lines))
    what = f"{y_name} by {x_name}, both logarithmic"
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} 278" role="img" aria-label="{escape(what)}">{"".join(parts)}</svg>'
        f'<div class="key">{key}</div><figcaption>{escape(what)}</figcaption></figure>'
    )


class _Axis:
    """Logarithmic, in whole tens."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        seen = [value for value in values if value > 0] or [1.0]
        self.low = math.floor(math.log10(min(seen)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(seen))))
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        power = math.log10(max(value, 10.0**self.low))
        return self._start + (power - self.low) / (self.high - self.low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _grid(across: _Axis, up: _Axis) -> list[str]:
    parts = []
    for tick in across.ticks():
        x = across.at(tick)
        parts += [_line("rule", x, _PLOT["top"], x, _PLOT["bottom"]), _text(x, 268, _short(tick), "middle", "soft")]
    for tick in up.ticks():
        y = up.at(tick)
        parts += [_line("rule", _PLOT["left"], y, _PLOT["right"], y), _text(44, y + 4, _short(tick), "end", "soft")]
    return parts


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


# -------------------------------------------------------------------------------------------------------------- shapes


def _rect(kind: str, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="0" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}" rx="2"/>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
