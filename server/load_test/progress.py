"""How the run is going: a table that is drawn anew each second, or, where nobody looks, a line now and then."""

from __future__ import annotations

import asyncio
import sys
import time
from types import TracebackType
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from server.load_test.options import Load
from server.load_test.tally import Tally

LINE_EVERY: Final = 5


class Progress:
    def __init__(self, load: Load, tally: Tally) -> None:
        self._load = load
        self._tally = tally
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False) if sys.stderr.isatty() else None
        self._began_at = time.monotonic()
        self._says = ""

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self._draw()
        if self._live:
            self._live.stop()

    def says(self, text: str) -> None:
        self._says = text

    async def show(self) -> None:
        """Until cancelled."""
        number = 0
        while True:
            await asyncio.sleep(1.0)
            number += 1
            self._tally.close_second(time.monotonic() - self._began_at)
            if self._live or number % LINE_EVERY == 0:
                self._draw()

    def _draw(self) -> None:
        rows = rows_of(self._load, self._tally)
        at_s = time.monotonic() - self._began_at
        if self._live is None:
            print(f"{at_s:5.0f} s  " + " · ".join(f"{name} {value}" for name, value in rows), file=sys.stderr)
            return
        table = Table(title=f"{at_s:.0f} s {self._says}", box=None, show_header=False, title_justify="left")
        for name, value in rows:
            table.add_row(name, value)
        self._live.update(table, refresh=True)


def rows_of(load: Load, tally: Tally) -> list[tuple[str, str]]:
    """What there is to see of the kinds of load that were asked for."""
    counts, chat, segment = tally.counts, tally.chat_ms, tally.segment_s
    rows = [("sockets", f"{counts['sockets']:,} of {load.sockets:,}")]
    rows += [("sent", f"{counts['sent']:,}"), ("received", f"{counts['received']:,}")] if load.messages else []
    rows += [("late", f"p50 {chat.share(0.5):.0f} ms, p99 {chat.share(0.99):.0f} ms")] if chat.count else []
    rows += [("segments", f"{counts['segments']:,} by {load.players:,}")] if load.players else []
    rows += [("behind", f"p50 {segment.share(0.5):.1f} s, p99 {segment.share(0.99):.1f} s")] if segment.count else []
    if load.peers:
        rows.append(("WebRTC", f"{counts['peers']:,} of {load.peers:,}, {counts['packets']:,} packets"))
    return [*rows, ("faults", f"{sum(tally.faults.values()):,}")]
