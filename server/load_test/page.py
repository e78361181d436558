"""A run as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from html import escape
from typing import Final

from server.load_test.options import Load
from server.load_test.tally import Sample, Second, Tally
from server.version import VERSION

WIDTH: Final = 720
HEIGHT: Final = 160

STYLE: Final = """
:root { color-scheme: light dark; --ground: #fbfbfa; --ink: #1c1d21; --soft: #63666f; --rule: #dcdde1; --card: #fff;
  --line: #2f6fde; --good: #18794e; --bad: #c0362c; }
@media (prefers-color-scheme: dark) { :root { --ground: #15161a; --ink: #ececf0; --soft: #a0a3ad; --rule: #34363d;
  --card: #1d1f24; --line: #6c9cf5; --good: #57c28c; --bad: #f07a70; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 800px; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0 0 .5rem; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 1rem;
  margin-top: 1rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .verdict { font-size: 1.2rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } td { padding: .25rem 0; border-bottom: 1px solid var(--rule); }
td + td { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; } polyline { fill: none; stroke: var(--line); stroke-width: 2; }
svg text { fill: var(--soft); font-size: 12px; }
"""


def page(url: str, load: Load, tally: Tally) -> str:
    verdict = ("bad", "Something went wrong") if tally.faults else ("good", "Nothing was lost, doubled or out of order")
    given = [(field.name, str(getattr(load, field.name))) for field in fields(load) if field.name != "report"]
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Load test</title><style>{STYLE}</style></head><body>",
        f'<h1>Load test</h1><p class="soft">{escape(url)} · Social Flow {escape(VERSION)}</p>',
        f'<p class="verdict {verdict[0]}">{verdict[1]}</p>',
        _section("What went wrong", [(words, f"{count:,}") for words, count in tally.faults.items()]),
        _section("What was done", _done(tally)),
        _curve("Messages received a second", tally.seconds, [one.received for one in tally.seconds]),
        _curve("Delay of messages, 95th percentile, ms", tally.seconds, [one.late_ms for one in tally.seconds]),
        _section("What was asked for", given),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _done(tally: Tally) -> Iterable[tuple[str, str]]:
    counts = tally.counts
    yield "messages sent", f"{counts['sent']:,}"
    yield "refused for now, and sent again", f"{counts['sent_refused']:,}"
    yield "messages received by sockets", f"{counts['received']:,}"
    yield "delay of messages (p50, p95, p99, most)", _shares(tally.chat_ms, "ms", 0)
    yield "segments read by HLS players", f"{counts['segments']:,} ({counts['segment_bytes'] / 1e6:,.1f} MB)"
    yield "behind the publisher's picture, once read (p50, p95, p99, most)", _shares(tally.segment_s, "s", 2)
    yield "WebRTC viewers connected", f"{counts['peers']:,}"
    yield "RTP packets, pictures", f"{counts['packets']:,}, {counts['pictures']:,}"


def _shares(sample: Sample, unit: str, digits: int) -> str:
    if not sample.count:
        return "–"
    values = [*(sample.share(share) for share in (0.5, 0.95, 0.99)), sample.largest]
    return ", ".join(f"{value:.{digits}f}" for value in values) + f" {unit}"


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<section><h2>{escape(title)}</h2><table>{cells}</table></section>" if cells else ""


def _curve(title: str, seconds: Sequence[Second], values: Sequence[float]) -> str:
    if len(seconds) < 2 or not any(values):
        return ""
    most, first, last = max(values), seconds[0].at, seconds[-1].at
    points = " ".join(
        f"{WIDTH * (one.at - first) / (last - first):.1f},{HEIGHT - (HEIGHT - 20) * value / most:.1f}"
        for one, value in zip(seconds, values, strict=True)
    )
    return (
        f"<section><h2>{escape(title)}</h2>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img" aria-label="{escape(title)}: at most {most:,.0f}">'
        f'<polyline points="{points}"/><text x="0" y="12">{most:,.0f}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{last:.0f} s</text></svg></section>'
    )
