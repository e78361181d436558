"""`python -m bench connects`: how many clients a second come in, from the TCP connection to the joined namespace.

So many are under way at any time, as when clients come back after a cut. Servers on the first core, clients on the
second; their share of it shows whether they were the limit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from bench import peers
from bench.crowd import Crowd, allow_many_files, pin


def measure(name: str, options: argparse.Namespace) -> tuple[float, float, float]:
    """(connects a second, server CPU µs for each, share of a core that the clients used)."""
    peer = peers.start(name, node_modules=options.node_modules)
    try:
        warm = Crowd(host="127.0.0.1", port=peer.port)
        warm.connect(min(200, options.count))
        crowd = Crowd(host="127.0.0.1", port=peer.port)
        cpu, own = peer.cpu_s(), time.process_time()
        took = crowd.connect(options.count, at_once=options.at_once)
        used, mine = peer.cpu_s() - cpu, time.process_time() - own
        crowd.close()
        warm.close()
        return options.count / took, used / options.count * 1e6, mine / took
    finally:
        peer.stop()


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench connects", description=__doc__)
    found.add_argument("--count", type=int, default=5000)
    found.add_argument("--at-once", type=int, default=128)
    found.add_argument("--rounds", type=int, default=1, help="interleaved; the table shows medians")
    found.add_argument("--servers", nargs="+", default=["ours", "python-socketio", "node"])
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io, for the server on Node")
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    names = peers.available(options.servers, options.node_modules)
    rounds = [{name: measure(name, options) for name in names} for _ in range(options.rounds)]
    print(f"{'server':<16}{'connects/s':>12}{'µs CPU each':>13}{'crowd CPU':>11}")
    for name in names:
        per_s, cost, own = (statistics.median(values) for values in zip(*(one[name] for one in rounds), strict=True))
        print(f"{name:<16}{per_s:>12,.0f}{cost:>13.0f}{own:>11.0%}")
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
