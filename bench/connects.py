"""`python -m bench connects`: how many clients a second come in, from the TCP connection to the joined namespace.

So many are under way at any time, as when clients come back after a cut. Servers on the first core, clients on the
second; their share of it shows whether they were the limit, and what a core could do follows from the CPU of each. What
it costs when they leave is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import app, peers, report
from bench.clients import ClientPool, Steps, allow_many_files, hello, pin
from bench.report import Figure, figure

LOGIN, JOIN, LAST = "app: login", "app: login, join", "app: login, join, 50"
_LEAVE_S = 1.0
BARS = {JOIN: 8_000.0, LAST: 6_000.0}


@dataclass(frozen=True, slots=True)
class ConnectFigures:
    """One measurement. CPU is the server's; `crowd_cpu` is the share of a core that the clients needed."""

    name: str
    per_s: float
    cost_us: float
    crowd_cpu: float


def measure(name: str, options: argparse.Namespace) -> list[ConnectFigures]:
    """A bare server, or the whole one in each of its ways in."""
    if name == app.NAME:
        return _measure_app(options)
    peer = peers.start(name, node_modules=options.node_modules)
    try:
        _warm(peer, options)
        return [_measure(name, peer, options)]
    finally:
        peer.stop()


def _measure_app(options: argparse.Namespace) -> list[ConnectFigures]:
    server = app.App()
    try:
        tokens = server.tokens(options.count)
        empty, filled = (server.new_room(tokens[0])[1] for _ in range(2))
        server.fill(filled, tokens[0], 50)
        ways: dict[str, Callable[[int], Steps]] = {
            LOGIN: lambda number: app.login(tokens[number]),
            JOIN: lambda number: app.joined(tokens[number], empty),
            LAST: lambda number: app.joined(tokens[number], filled),
        }
        _warm(server, options)
        return [_measure(name, server, options, says) for name, says in ways.items()]
    finally:
        server.stop()


def _measure(
    name: str, server: peers.Server, options: argparse.Namespace, says: Callable[..., Steps] = hello
) -> ConnectFigures:
    with _pool(server) as pool:
        cpu, own = server.cpu_s(), time.process_time()
        took = pool.connect(options.count, says=says, at_once=options.at_once)
        used, mine = server.cpu_s() - cpu, time.process_time() - own
    return ConnectFigures(name, options.count / took, used / options.count * 1e6, mine / took)


def _warm(server: peers.Server, options: argparse.Namespace) -> None:
    with _pool(server) as pool:
        pool.connect(min(200, options.count), at_once=options.at_once)


@contextmanager
def _pool(server: peers.Server) -> Iterator[ClientPool]:
    """All clients leave again, and the server is done with that before the next come."""
    pool = ClientPool(host="127.0.0.1", port=server.port)
    try:
        yield pool
    finally:
        pool.close()
        time.sleep(_LEAVE_S)


def figures(rows: list[ConnectFigures]) -> list[Figure]:
    """What came in, and what a core could take at the CPU that each took: the clients are not always quick enough."""
    names = dict.fromkeys(row.name for row in rows)
    came = {name: [row.per_s for row in rows if row.name == name] for name in names}
    core = {name: [1e6 / max(row.cost_us, 1) for row in rows if row.name == name] for name in names}
    return [_figure(f"{name}, came in", each, None, came) for name, each in came.items()] + [
        _figure(f"{name}, a core could take", each, BARS.get(name), core) for name, each in core.items()
    ]


def _figure(name: str, each: list[float], bar: float | None, beside: dict[str, list[float]]) -> Figure:
    is_own = name.startswith(("ours", app.NAME))
    plain = beside.get("python-socketio", []) if is_own else []
    return figure("connects", name, each, "connects/s", better="higher", bar=bar, peer="python-socketio", against=plain)


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench connects", description=__doc__)
    found.add_argument("--count", type=int, default=5000)
    found.add_argument("--at-once", type=int, default=128)
    found.add_argument("--rounds", type=int, default=1, help="interleaved; the table shows medians and the spread")
    found.add_argument("--servers", nargs="+", default=["ours", "python-socketio", "node", "bun"])
    found.add_argument("--app", action="store_true", help="the whole server too: signed in, joined, 50 messages given")
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io and bun's engine")
    report.options(found)
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    names = peers.available(options.servers, options.node_modules) + [app.NAME] * options.app
    rows = [row for _ in range(options.rounds) for name in names for row in measure(name, options)]
    print(f"medians of {options.rounds} rounds, {options.count} clients, {options.at_once} under way at any time")
    print(f"{'server':<22}{'connects/s':>12}{'from':>9}{'to':>9}{'µs CPU each':>13}{'a core':>10}{'crowd CPU':>11}")
    for name in dict.fromkeys(row.name for row in rows):
        same = [row for row in rows if row.name == name]
        per_s, cost, own = (statistics.median(getattr(row, field) for row in same) for field in _SHOWN)
        low, high = min(row.per_s for row in same), max(row.per_s for row in same)
        each = f"{cost:>13.0f}{1e6 / max(cost, 1):>10,.0f}{own:>11.0%}"
        print(f"{name:<22}{per_s:>12,.0f}{low:>9,.0f}{high:>9,.0f}{each}")
    report.write(figures(rows), options.json)
    return 0


_SHOWN = ("per_s", "cost_us", "crowd_cpu")


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
