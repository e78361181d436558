"""`python -m bench idle`: what a client costs that is connected and silent, in memory and in CPU."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from bench import peers
from bench.crowd import Crowd, allow_many_files, pin


def measure(name: str, options: argparse.Namespace) -> tuple[float, float]:
    """(KB of resident memory for each connection, server CPU as a share of a core while nothing happens)."""
    peer = peers.start(name, node_modules=options.node_modules)
    try:
        crowd = Crowd(host="127.0.0.1", port=peer.port)
        crowd.connect(options.warm)
        before = peer.memory_bytes()
        crowd.connect(options.count)
        peers.wait_quiet(1.0)
        grown = peer.memory_bytes() - before
        cpu, started = peer.cpu_s(), time.perf_counter()
        peers.wait_quiet(options.seconds)
        share = (peer.cpu_s() - cpu) / (time.perf_counter() - started)
        crowd.close()
        return grown / options.count / 1024, share
    finally:
        peer.stop()


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench idle", description=__doc__)
    found.add_argument("--count", type=int, default=5000)
    found.add_argument("--warm", type=int, default=500, help="clients that come first, so that start-up is not counted")
    found.add_argument("--seconds", type=float, default=3.0)
    found.add_argument("--servers", nargs="+", default=["ours", "python-socketio", "node"])
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io, for the server on Node")
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    print(f"{'server':<16}{'KB each':>10}{'idle CPU':>10}")
    for name in peers.available(options.servers, options.node_modules):
        size, share = measure(name, options)
        print(f"{name:<16}{size:>10.1f}{share:>10.1%}")
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
