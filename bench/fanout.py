"""`python -m bench fanout`: one room, many viewers, side by side with other Socket.IO servers in the same run.

Capacity: the next message is posted when an earlier one has reached all viewers, so many being under way. Open loop: so
many messages a second whatever happens. The servers run on the first core, the crowd on the second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from bench import app, drawing, peers, report
from bench.clients import ClientPool, allow_many_files, percentile, pin, stamp, until
from bench.report import Figure, Point, figure

_SPEAKERS = 8  # the whole server answers only so many events of one socket at a time
_FRAME_BYTES = 160  # of a message around its text
_MOST_P99_MS = 250.0
_CALM_S = 0.3
_BAR_TIMES, _BAR_EACH_US, _BAR_SLOW_P99_MS, _BAR_P99_MS, _BAR_CPU = 3.0, 6.5, 20.0, 60.0, 55.0
_PLAIN, _FLOOR = "python-socketio", "floor"


@dataclass(frozen=True, slots=True)
class FanoutFigures:
    """One measurement. CPU is the server's; `crowd_cpu` is the share of a core that the clients needed."""

    server: str
    mode: str
    viewers: int
    deliveries_per_s: float
    cpu_us_per_delivery: float
    cpu: float
    p50_ms: float
    p99_ms: float
    lost: int
    crowd_cpu: float


Says = Callable[[int, str], bytes]
"""The packet that brings message so-and-so with this text to the room."""


def _say(number: int, text: str) -> bytes:
    body = {
        "id": f"{number:036d}",
        "user": {"id": "u" * 36, "username": "somebody", "display_name": "Some Body", "badges": []},
        "text": text,
    }
    return b'42["say",' + json.dumps(body, separators=(",", ":")).encode() + b"]"


class Measured(Protocol):
    """A server, of which it is known what it needs."""

    @property
    def name(self) -> str: ...

    def cpu_s(self) -> float: ...


class FanoutRun:
    """One server with its crowd."""

    def __init__(
        self,
        server: Measured,
        pool: ClientPool,
        viewers: int,
        message_bytes: int,
        says: Says,
        speakers: int,
        posted: int = 0,
    ) -> None:
        """`posted` is the number of the last message that was posted before."""
        self._text = "x" * max(0, message_bytes - _FRAME_BYTES)
        self._peer = server
        self._pool = pool
        self._viewers = viewers
        self._says = says
        self._speakers = speakers
        self._posted = self._first = posted
        self._before = pool.received

    @property
    def posted(self) -> int:
        return self._posted

    def capacity(self, seconds: float, window: int) -> FanoutFigures:
        """Closed loop."""

        def step() -> None:
            while self._posted - self._first - self._received() // self._viewers < window:
                self._say()
            self._pool.pump(0.05)

        return self._measure(f"capacity, {window} under way", seconds, step)

    def open_loop(self, seconds: float, rate: float) -> FanoutFigures:
        """Open loop."""
        start, first = 0.0, self._posted

        def step() -> None:
            nonlocal start
            start = start or time.perf_counter()
            due = int((time.perf_counter() - start) * rate) + 1
            while self._posted - first < due:
                self._say()
            next_at = start + (self._posted - first) / rate
            self._pool.pump(max(0.0, next_at - time.perf_counter()))

        return self._measure(f"{rate:g} messages/s", seconds, step)

    def _say(self) -> None:
        self._posted += 1
        self._pool.say(self._says(self._posted, stamp() + self._text), self._posted % self._speakers)

    def _measure(self, mode: str, seconds: float, step: object) -> FanoutFigures:
        assert callable(step)
        pool = self._pool
        self._settle()
        pool.pong()
        pool.pump_for(_CALM_S)  # thousands of answers to pings are work, and not what is measured
        pool.latencies_ms.clear()
        received, cpu, own = pool.received, self._peer.cpu_s(), time.process_time()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            step()
        took = time.perf_counter() - started
        used, mine = self._peer.cpu_s() - cpu, time.process_time() - own
        delivered = pool.received - received
        is_whole = self._settle()
        return FanoutFigures(
            server=self._peer.name,
            mode=mode,
            viewers=self._viewers,
            deliveries_per_s=delivered / took,
            cpu_us_per_delivery=used / max(1, delivered) * 1e6,
            cpu=used / took,
            p50_ms=percentile(pool.latencies_ms, 0.5),
            p99_ms=percentile(pool.latencies_ms, 0.99),
            lost=0 if is_whole else (self._posted - self._first) * self._viewers - self._received(),
            crowd_cpu=mine / took,
        )

    def _received(self) -> int:
        return self._pool.received - self._before

    def _settle(self) -> bool:
        """Whether all messages have reached all viewers."""
        wanted = (self._posted - self._first) * self._viewers
        return until(lambda: self._received() >= wanted, lambda: self._pool.pump(0.05), 10)


def measure(name: str, options: argparse.Namespace) -> list[FanoutFigures]:
    """One server through all modes."""
    with _served(name, options) as (server, pool, says):
        run = FanoutRun(server, pool, options.viewers, options.bytes, says, _SPEAKERS if name == app.NAME else 1)
        rows = [run.capacity(options.seconds, 4)] if options.capacity else []
        if options.capacity and name in ("ours", app.NAME):
            rows.append(run.capacity(options.seconds, 400 if name == "ours" else 100))
        for rate in options.rates:
            row = run.open_loop(options.seconds, rate)
            rows.append(row)
            if row.lost or not row.p99_ms < 1000:
                break  # it has failed at this rate and would at any higher one
        return rows


@contextmanager
def _served(name: str, options: argparse.Namespace) -> Iterator[tuple[peers.Server, ClientPool, Says]]:
    """A running server, its viewers in the room, and what is posted to it."""
    server = app.App() if name == app.NAME else peers.start(name, node_modules=options.node_modules)
    try:
        pool = ClientPool(host="127.0.0.1", port=server.port)
        if isinstance(server, app.App):
            yield server, pool, _enter(server, pool, options.viewers)
        else:
            pool.connect(options.viewers)
            yield server, pool, _say
        pool.close()
    finally:
        server.stop()


def _enter(server: app.App, pool: ClientPool, viewers: int) -> Says:
    """Everyone joins one room, guests but for a few, who are to speak: those who came last, so they come by
    themselves."""
    tokens = server.tokens(_SPEAKERS)
    room = server.new_room(tokens[0])[1]
    pool.connect(viewers - _SPEAKERS, says=lambda _: app.joined(None, room))
    pool.connect(_SPEAKERS, says=lambda number: app.joined(tokens[number], room))
    return lambda number, text: app.sent(number, room, text, f"m{number}")


def slow(name: str, options: argparse.Namespace) -> None:
    """The same rate with a share of the viewers reading nothing."""
    with _served(name, options) as (server, pool, says):
        speakers = _SPEAKERS if name == app.NAME else 1
        run = FanoutRun(server, pool, options.viewers, options.bytes, says, speakers)
        before = run.open_loop(options.seconds, options.slow_rate)
        memory = server.memory_bytes()
        pool.stop_reading(options.slow)
        posted = run.posted
        others = FanoutRun(server, pool, options.viewers - options.slow, options.bytes, says, speakers, posted=posted)
        after = others.open_loop(options.seconds, options.slow_rate)
        grown = (server.memory_bytes() - memory) / 2**20
        share = after.deliveries_per_s / before.deliveries_per_s * options.viewers / (options.viewers - options.slow)
        print(
            f"{name}: {options.slow} of {options.viewers} stop reading at {options.slow_rate:g} messages/s: the others"
            f" get {share:.1%} of what they got, p99 {before.p99_ms:.0f} → {after.p99_ms:.0f} ms,"
            f" memory {grown:+.1f} MiB"
        )


def show(rows: list[FanoutFigures], rounds: int) -> None:
    """The table, medians over the rounds and, of the deliveries, how far they lie apart."""
    print(f"medians of {rounds} rounds")
    print(f"{'server':<16}{'mode':<26}{'deliveries/s':>13}{'spread':>8}{'µs/delivery':>12}{'CPU':>6}", end="")
    print(f"{'p50 ms':>8}{'p99 ms':>8}{'lost':>8}{'crowd CPU':>11}")
    for server, mode in dict.fromkeys((row.server, row.mode) for row in rows):
        same = [row for row in rows if (row.server, row.mode) == (server, mode)]
        rates = [row.deliveries_per_s for row in same]
        spread = (max(rates) - min(rates)) / max(1.0, statistics.median(rates))
        print(f"{server:<16}{mode:<26}{statistics.median(rates):>13,.0f}{spread:>8.0%}", end="")
        print(f"{_middle(same, 'cpu_us_per_delivery'):>12.2f}{_middle(same, 'cpu'):>6.0%}", end="")
        print(f"{_middle(same, 'p50_ms'):>8.1f}{_middle(same, 'p99_ms'):>8.1f}", end="")
        print(f"{max(row.lost for row in same):>8.0f}{_middle(same, 'crowd_cpu'):>11.0%}")


def _middle(rows: list[FanoutFigures], name: str) -> float:
    return float(statistics.median(getattr(row, name) for row in rows))


def curve(rows: list[FanoutFigures]) -> None:
    """Deliveries a second against p99, one line a server: printed, and drawn."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for server, mode in dict.fromkeys((row.server, row.mode) for row in rows if not row.mode.startswith("capacity")):
        same = [row for row in rows if (row.server, row.mode) == (server, mode)]
        lines.setdefault(server, []).append((_middle(same, "deliveries_per_s"), _middle(same, "p99_ms")))
    print("\np99 ms by deliveries/s")
    for server, points in lines.items():
        print(f"{server:<16}" + "  ".join(f"{per_s / 1000:.0f}k:{p99:.0f}" for per_s, p99 in sorted(points)))
    viewers = rows[0].viewers if rows else 0
    file = drawing.draw(
        "fanout", title=f"One room of {viewers:,}, open loop", x="deliveries/s", y="p99 ms", lines=lines
    )
    print(f"drawn in {file}")


def figures(rows: list[FanoutFigures]) -> list[Figure]:
    """Most deliveries a second in good time against the plain server, their price, and the open loop as curves."""
    servers = list(dict.fromkeys(row.server for row in rows))
    most = {name: best for name in servers if (best := _most(rows, name))}
    own = [name for name in servers if name in ("ours", "ours-each", app.NAME)]
    found = [_most_figure(name, each, most if name in own else {}) for name, each in most.items()]
    if most.get(_PLAIN):
        plain = statistics.median(most[_PLAIN])
        found += [_times_figure(name, most[name], plain) for name in own if name in most]
    each, floor = (_costs(rows, server) for server in ("ours-each", _FLOOR))
    if each:
        name, bar = "ours-each, CPU a delivery", _BAR_EACH_US
        found.append(figure("fanout", name, each, "µs", better="lower", bar=bar, peer=_FLOOR, against=floor))
    modes = dict.fromkeys((row.server, row.mode) for row in rows if not row.mode.startswith("capacity"))
    for server, mode in modes:
        found += _open_loop([row for row in rows if (row.server, row.mode) == (server, mode)], is_own=server in own)
    return found


def _costs(rows: list[FanoutFigures], server: str) -> list[float]:
    return [row.cpu_us_per_delivery for row in rows if row.server == server and row.mode.startswith("capacity")]


def _most(rows: list[FanoutFigures], server: str) -> list[float]:
    """Deliveries/s by round in the mode that brings most of those in which nothing is lost and p99 is in time."""
    modes: dict[str, list[FanoutFigures]] = {}
    for row in rows:
        if row.server == server:
            modes.setdefault(row.mode, []).append(row)
    good = [same for same in modes.values() if not any(row.lost for row in same)]
    good = [same for same in good if _middle(same, "p99_ms") < _MOST_P99_MS]
    best = max(good, key=lambda same: _middle(same, "deliveries_per_s"), default=[])
    return [row.deliveries_per_s for row in best]


def _most_figure(server: str, each: list[float], most: dict[str, list[float]]) -> Figure:
    name, against = f"{server}, most at p99 < {_MOST_P99_MS:g} ms", most.get(_PLAIN, [])
    return figure("fanout", name, each, "deliveries/s", better="higher", peer=_PLAIN, against=against)


def _times_figure(server: str, each: list[float], plain: float) -> Figure:
    name = f"{server}, times {_PLAIN}'s"
    return figure("fanout", name, [value / plain for value in each], "×", better="higher", bar=_BAR_TIMES)


def _open_loop(rows: list[FanoutFigures], *, is_own: bool) -> list[Figure]:
    """p99 on the server's curve, and the CPU it took; bars for ours where it does not frame for each alone."""
    first = rows[0]
    rate, p99 = float(first.mode.split()[0]), [row.p99_ms for row in rows if row.p99_ms < float("inf")]
    is_held = is_own and first.server != "ours-each"
    bar = (_BAR_SLOW_P99_MS if rate <= 20 else _BAR_P99_MS if rate >= 300 else None) if is_held else None
    cpu_bar = _BAR_CPU if is_held and rate >= 300 else None
    point = Point(first.server, _middle(rows, "deliveries_per_s"), "deliveries/s", "p99 in ms")
    name, shares = f"{first.server}, {first.mode}", [row.cpu * 100 for row in rows]
    late = [figure("fanout", f"{name}, p99", p99, "ms", better="lower", bar=bar, point=point)] if p99 else []
    return [*late, figure("fanout", f"{name}, CPU", shares, "% of a core", better="lower", bar=cpu_bar)]


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m bench fanout", description=__doc__)
    found.add_argument("--viewers", type=int, default=2000)
    found.add_argument("--bytes", type=int, default=250, help="of a message")
    found.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    found.add_argument("--rounds", type=int, default=1, help="interleaved; the table shows medians")
    found.add_argument("--rates", type=float, nargs="*", default=[5, 20, 100, 300, 1000], help="messages/s, open loop")
    found.add_argument("--no-capacity", dest="capacity", action="store_false")
    found.add_argument("--servers", nargs="+", default=["ours", "ours-each", "floor", "python-socketio", "node", "bun"])
    found.add_argument("--app", action="store_true", help="the whole server too, with everyone in a room of it")
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io and bun's engine")
    found.add_argument("--slow", type=int, default=0, help="viewers that stop reading, in a run of its own")
    found.add_argument("--slow-rate", type=float, default=50)
    found.add_argument("--rows", type=Path, help="also write what was measured, row by row, here")
    report.options(found)
    return found


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    allow_many_files()
    pin(1)
    names = peers.available(options.servers, options.node_modules) + [app.NAME] * options.app
    if options.slow:
        for name in names:
            slow(name, options)
        return 0
    rows = [row for _ in range(options.rounds) for name in names for row in measure(name, options)]
    show(rows, options.rounds)
    curve(rows)
    report.write(figures(rows), options.json)
    if options.rows is not None:
        options.rows.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
