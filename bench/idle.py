"""`python -m bench idle`: what a client costs that is connected and silent, in memory and in CPU."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import app, peers, report
from bench.clients import ClientPool, Steps, allow_many_files, hello, pin
from bench.report import Figure, figure

BAR_KB = 6.0


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """What one client costs."""

    name: str
    kb: float
    cpu: float


def measure(name: str, options: argparse.Namespace) -> IdleFigures:
    """Resident memory for each connection, and the server's CPU as a share of a core while nothing happens."""
    server = app.App() if name == app.NAME else peers.start(name, node_modules=options.node_modules)
    try:
        says = _in_a_room(server, options) if isinstance(server, app.App) else hello
        return _measure(server, says, options)
    finally:
        server.stop()


def _in_a_room(server: app.App, options: argparse.Namespace) -> Callable[[int], Steps]:
    tokens = server.tokens(options.warm + options.count)
    room = server.new_room(tokens[0])[1]
    return lambda number: app.joined(tokens[number], room)


def _measure(server: peers.Server, says: Callable[[int], Steps], options: argparse.Namespace) -> IdleFigures:
    with contextlib.closing(ClientPool(host="127.0.0.1", port=server.port)) as pool:
        pool.connect(options.warm, says=says)
        before = server.memory_bytes()
        pool.connect(options.count, says=lambda number: says(options.warm + number))
        time.sleep(1.0)
        grown = server.memory_bytes() - before
        cpu, started = server.cpu_s(), time.perf_counter()
        time.sleep(options.seconds)
        share = (server.cpu_s() - cpu) / (time.perf_counter() - started)
    return IdleFigures(server.name, grown / options.count / 1024, share)


def figures(rows: list[IdleFigures]) -> list[Figure]:
    """Memory of each connection, ours against the plainest, and the CPU that silence takes."""
    sizes: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    for row in rows:
        sizes.setdefault(row.name, []).append(row.kb)
        shares.setdefault(row.name, []).append(row.cpu * 100)
    plain, own = sizes.get("python-socketio", []), ("ours", app.NAME)
    found = []
    for name, each in sizes.items():
        bar, against = (BAR_KB, plain) if name in own else (None, [])
        of = f"{name}, a connection"
        found.append(figure("idle", of, each, "KB", better="lower", bar=bar, peer="python-socketio", against=against))
    return found + [
        figure("idle", f"{name}, CPU", each, "% of a core", better="lower") for name, each in shares.items()
    ]


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench idle", description=__doc__)
    found.add_argument("--count", type=int, default=5000)
    found.add_argument("--warm", type=int, default=500, help="clients that come first, so that start-up is not counted")
    found.add_argument("--seconds", type=float, default=3.0)
    found.add_argument("--servers", nargs="+", default=["ours", "python-socketio", "node", "bun"])
    found.add_argument("--app", action="store_true", help="the whole server too: everyone signed in and in a room")
    found.add_argument("--rounds", type=int, default=1)
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io and bun's engine")
    report.options(found)
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    names = peers.available(options.servers, options.node_modules) + [app.NAME] * options.app
    rows = [measure(name, options) for _ in range(options.rounds) for name in names]
    report.hand_over(figures(rows), options.json, head=f"medians of {options.rounds} rounds, {options.count} clients")
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
