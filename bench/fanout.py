"""`python -m bench fanout`: one room, many viewers, side by side with other Socket.IO servers in the same run.

Capacity: the next message is said when an earlier one has reached everybody, so many being under way. Open loop: so
many messages a second whatever happens. The servers run on the first core, the crowd on the second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import peers
from bench.crowd import Crowd, allow_many_files, percentile, pin, until

_FRAME_BYTES = 160  # of a message around its text


@dataclass(frozen=True, slots=True)
class Row:
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


class Run:
    """One server with its crowd."""

    def __init__(self, peer: peers.Peer, crowd: Crowd, viewers: int, message_bytes: int) -> None:
        self._text = "x" * max(0, message_bytes - _FRAME_BYTES)
        self._peer = peer
        self._crowd = crowd
        self._viewers = viewers
        self._said = 0
        self._before = crowd.received

    def capacity(self, seconds: float, window: int) -> Row:
        """Closed loop."""

        def step() -> None:
            while self._said - self._received() // self._viewers < window:
                self._say()
            self._crowd.pump(0.05)

        return self._measure(f"capacity, {window} under way", seconds, step)

    def open_loop(self, seconds: float, rate: float) -> Row:
        """Open loop."""
        start, first = time.perf_counter(), self._said

        def step() -> None:
            due = int((time.perf_counter() - start) * rate) + 1
            while self._said - first < due:
                self._say()
            next_at = start + (self._said - first) / rate
            self._crowd.pump(max(0.0, next_at - time.perf_counter()))

        return self._measure(f"{rate:g} messages/s", seconds, step)

    def _say(self) -> None:
        self._said += 1
        body = {
            "id": f"{self._said:036d}",
            "user": {"id": "u" * 36, "username": "somebody", "display_name": "Some Body", "badges": []},
            "text": self._text,
            "t": time.monotonic_ns(),
        }
        self._crowd.say(b'42["say",' + json.dumps(body, separators=(",", ":")).encode() + b"]")

    def _measure(self, mode: str, seconds: float, step: object) -> Row:
        assert callable(step)
        crowd = self._crowd
        self._settle()
        crowd.latencies_ms.clear()
        received, cpu, own = crowd.received, self._peer.cpu_s(), time.process_time()
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            step()
        took = time.perf_counter() - started
        used, mine = self._peer.cpu_s() - cpu, time.process_time() - own
        delivered = crowd.received - received
        is_whole = self._settle()
        return Row(
            server=self._peer.name,
            mode=mode,
            viewers=self._viewers,
            deliveries_per_s=delivered / took,
            cpu_us_per_delivery=used / max(1, delivered) * 1e6,
            cpu=used / took,
            p50_ms=percentile(crowd.latencies_ms, 0.5),
            p99_ms=percentile(crowd.latencies_ms, 0.99),
            lost=0 if is_whole else self._said * self._viewers - self._received(),
            crowd_cpu=mine / took,
        )

    def _received(self) -> int:
        return self._crowd.received - self._before

    def _settle(self) -> bool:
        """Whether everything said has arrived everywhere."""
        wanted = self._said * self._viewers
        return until(lambda: self._received() >= wanted, lambda: self._crowd.pump(0.05), 10)


def measure(name: str, options: argparse.Namespace) -> list[Row]:
    """One server through all modes."""
    peer = peers.start(name, node_modules=options.node_modules)
    try:
        crowd = Crowd(host="127.0.0.1", port=peer.port)
        crowd.connect(options.viewers)
        run = Run(peer, crowd, options.viewers, options.bytes)
        rows = [run.capacity(options.seconds, 4)] if options.capacity else []
        if options.capacity and name == "ours":
            rows.append(run.capacity(options.seconds, 400))
        for rate in options.rates:
            row = run.open_loop(options.seconds, rate)
            rows.append(row)
            if row.lost or not row.p99_ms < 1000:
                break  # it has failed at this rate and would at any higher one
        crowd.close()
        return rows
    finally:
        peer.stop()


def slow(name: str, options: argparse.Namespace) -> None:
    """The same rate with a share of the viewers reading nothing."""
    peer = peers.start(name, node_modules=options.node_modules)
    try:
        crowd = Crowd(host="127.0.0.1", port=peer.port)
        crowd.connect(options.viewers)
        run = Run(peer, crowd, options.viewers, options.bytes)
        before = run.open_loop(options.seconds, options.slow_rate)
        memory = peer.memory_bytes()
        crowd.stop_reading(options.slow)
        others = Run(peer, crowd, options.viewers - options.slow, options.bytes)
        after = others.open_loop(options.seconds, options.slow_rate)
        grown = (peer.memory_bytes() - memory) / 2**20
        share = after.deliveries_per_s / before.deliveries_per_s * options.viewers / (options.viewers - options.slow)
        print(
            f"{name}: {options.slow} of {options.viewers} stop reading at {options.slow_rate:g} messages/s: the others"
            f" get {share:.1%} of what they got, p99 {before.p99_ms:.0f} → {after.p99_ms:.0f} ms,"
            f" memory {grown:+.1f} MiB"
        )
        crowd.close()
    finally:
        peer.stop()


def show(rows: list[Row]) -> None:
    """The table, medians over the rounds."""
    print(f"{'server':<16}{'mode':<26}{'deliveries/s':>13}{'µs/delivery':>12}{'CPU':>6}", end="")
    print(f"{'p50 ms':>8}{'p99 ms':>8}{'lost':>8}{'crowd CPU':>11}")
    for server, mode in dict.fromkeys((row.server, row.mode) for row in rows):
        same = [row for row in rows if (row.server, row.mode) == (server, mode)]

        def middle(name: str, same: list[Row] = same) -> float:
            return float(statistics.median(getattr(row, name) for row in same))

        print(f"{server:<16}{mode:<26}{middle('deliveries_per_s'):>13,.0f}", end="")
        print(f"{middle('cpu_us_per_delivery'):>12.2f}{middle('cpu'):>6.0%}", end="")
        print(f"{middle('p50_ms'):>8.1f}{middle('p99_ms'):>8.1f}{middle('lost'):>8.0f}{middle('crowd_cpu'):>11.0%}")


def curve(rows: list[Row]) -> None:
    """Deliveries a second against p99, one line a server."""
    print("\np99 ms by deliveries/s")
    for server in dict.fromkeys(row.server for row in rows):
        points = sorted((row.deliveries_per_s, row.p99_ms) for row in rows if row.server == server)
        print(f"{server:<16}" + "  ".join(f"{per_s / 1000:.0f}k:{p99:.0f}" for per_s, p99 in points))
        for per_s, p99 in points:
            print(f"{per_s:>14,.0f} |{'#' * min(80, max(1, round(p99 / 4)))} {p99:.0f}")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m bench fanout", description=__doc__)
    found.add_argument("--viewers", type=int, default=2000)
    found.add_argument("--bytes", type=int, default=250, help="of a message")
    found.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    found.add_argument("--rounds", type=int, default=1, help="interleaved; the table shows medians")
    found.add_argument("--rates", type=float, nargs="*", default=[5, 20, 100, 300, 1000], help="messages/s, open loop")
    found.add_argument("--no-capacity", dest="capacity", action="store_false")
    found.add_argument("--servers", nargs="+", default=["ours", "ours-each", "python-socketio", "node"])
    found.add_argument("--node-modules", type=Path, help="a folder that holds socket.io, for the server on Node")
    found.add_argument("--slow", type=int, default=0, help="viewers that stop reading, in a run of its own")
    found.add_argument("--slow-rate", type=float, default=50)
    found.add_argument("--json", type=Path, help="also write the rows here")
    return found


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    allow_many_files()
    pin(1)
    names = peers.available(options.servers, options.node_modules)
    if options.slow:
        for name in names:
            slow(name, options)
        return 0
    rows = [row for _ in range(options.rounds) for name in names for row in measure(name, options)]
    show(rows)
    curve(rows)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
