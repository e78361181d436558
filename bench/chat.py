"""`python -m bench chat`: durable sends into many rooms at a fixed rate, and how long their acknowledgements take.

The real server with its own Postgres; open loop, so that a slow answer does not slow the asking down.
"""

from __future__ import annotations

import argparse
import re
import select
import socket
import statistics
import time
from dataclasses import dataclass
from typing import Protocol

from bench import app
from bench.clients import ClientPool, allow_many_files, frame, percentile, pin

_ACK = re.compile(rb'43(\d+)\[\{"ok":(true|false)')
_LONGEST_ACK = 40


@dataclass(frozen=True, slots=True)
class ChatFigures:
    """One run. CPU in microseconds a send: the server's, and that of its engines and media process."""

    sent_per_s: float
    acked: int
    refused: int
    unanswered: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    engines_us: float
    own_cpu: float


class Speakers:
    """Sockets that send in turn and note when each acknowledgement comes."""

    def __init__(self, sockets: list[socket.socket], rooms: list[str], run: int) -> None:
        self._sockets = sockets
        self._rooms = rooms
        self._run = run
        self._epoll = select.epoll()
        self._by_file = {found.fileno(): (found, bytearray()) for found in sockets}
        for number in self._by_file:
            self._epoll.register(number, select.EPOLLIN)
        self._asked: dict[int, float] = {}
        self.latencies_ms: list[float] = []
        self.refused = 0
        self.sent = 0

    @property
    def unanswered(self) -> int:
        return len(self._asked)

    def say(self) -> None:
        number, self.sent = self.sent, self.sent + 1
        room = self._rooms[number % len(self._rooms)]
        packet = app.sent(
            number, room, f"message {self._run}.{number} of a usual length for a chat", f"{self._run}.{number}"
        )
        self._asked[number] = time.perf_counter()
        self._sockets[number % len(self._sockets)].sendall(frame(packet))

    def receive(self, timeout_s: float) -> None:
        for number, _ in self._epoll.poll(timeout_s, 256):
            found, seen = self._by_file[number]
            try:
                seen += found.recv(1 << 18)
            except BlockingIOError:
                continue
            now, end = time.perf_counter(), 0
            for match in _ACK.finditer(seen):
                end = match.end()
                self._answered(int(match[1]), match[2] == b"true", now)
            del seen[: max(end, len(seen) - _LONGEST_ACK)]

    def _answered(self, number: int, is_ok: bool, now: float) -> None:
        at = self._asked.pop(number, None)
        if at is not None:
            self.latencies_ms.append((now - at) * 1e3)
            self.refused += not is_ok


class Measured(Protocol):
    """A server, of which it is known what it needs."""

    def cpu_s(self) -> float: ...

    def engines_cpu_s(self) -> float: ...


def measure(
    server: Measured, sockets: list[socket.socket], rooms: list[str], run: int, rate: float, s: float
) -> ChatFigures:
    speakers = Speakers(sockets, rooms, run)
    cpu, engines, own = server.cpu_s(), server.engines_cpu_s(), time.process_time()
    started = time.perf_counter()
    while (now := time.perf_counter()) - started < s:
        due = int((now - started) * rate)
        while speakers.sent < due:
            speakers.say()
        speakers.receive(max(0.0, started + (due + 1) / rate - time.perf_counter()))
    took, mine = time.perf_counter() - started, time.process_time() - own
    end = time.perf_counter() + 10
    while speakers.unanswered and time.perf_counter() < end:
        speakers.receive(0.05)
    return ChatFigures(
        sent_per_s=speakers.sent / took,
        acked=len(speakers.latencies_ms),
        refused=speakers.refused,
        unanswered=speakers.unanswered,
        p50_ms=percentile(speakers.latencies_ms, 0.5),
        p99_ms=percentile(speakers.latencies_ms, 0.99),
        cpu_us=(server.cpu_s() - cpu) / max(1, speakers.sent) * 1e6,
        engines_us=(server.engines_cpu_s() - engines) / max(1, speakers.sent) * 1e6,
        own_cpu=mine / took,
    )


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench chat", description=__doc__)
    found.add_argument("--rooms", type=int, default=100)
    found.add_argument("--sockets", type=int, default=200, help="each has joined a room and speaks in all")
    found.add_argument("--rates", type=float, nargs="+", default=[1000, 2500, 5000], help="sends/s")
    found.add_argument("--seconds", type=float, default=5.0)
    found.add_argument("--rounds", type=int, default=1, help="interleaved; medians, and the spread of the p99")
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    server = app.App()
    try:
        tokens = server.tokens(options.sockets)
        rooms = [server.new_room(tokens[0])[1] for _ in range(options.rooms)]
        pool = ClientPool(host="127.0.0.1", port=server.port)
        pool.connect(options.sockets, says=lambda number: app.joined(tokens[number], rooms[number % len(rooms)]))
        rows: dict[float, list[ChatFigures]] = {rate: [] for rate in options.rates}
        for round_ in range(options.rounds):
            for place, rate in enumerate(options.rates):
                pool.pong()
                run = round_ * len(options.rates) + place
                rows[rate].append(measure(server, pool.sockets, rooms, run, rate, options.seconds))
        pool.close()
    finally:
        server.stop()
    show(rows, options)
    return 0


def show(rows: dict[float, list[ChatFigures]], options: argparse.Namespace) -> None:
    print(f"medians of {options.rounds} rounds; {options.rooms} rooms, {options.sockets} sockets")
    print(
        f"{'asked/s':>9}{'sent/s':>9}{'p50 ms':>8}{'p99 ms':>8}{'from':>8}{'to':>8}{'refused':>9}{'no answer':>11}",
        end="",
    )
    print(f"{'µs a send':>11}{'engines':>9}{'own CPU':>9}")
    for rate, same in rows.items():

        def middle(name: str, same: list[ChatFigures] = same) -> float:
            return float(statistics.median(getattr(row, name) for row in same))

        worst = [row.p99_ms for row in same]
        print(f"{rate:>9,.0f}{middle('sent_per_s'):>9,.0f}{middle('p50_ms'):>8.1f}{middle('p99_ms'):>8.1f}", end="")
        print(f"{min(worst):>8.1f}{max(worst):>8.1f}{sum(row.refused for row in same):>9}", end="")
        print(f"{sum(row.unanswered for row in same):>11}{middle('cpu_us'):>11.0f}{middle('engines_us'):>9.0f}", end="")
        print(f"{middle('own_cpu'):>9.0%}")


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
