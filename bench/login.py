"""`python -m bench login`: whether the time of a refused login tells if the account exists, how many logins a core
carries, and what they cost the chat beside them.

The real server with its own Postgres. Unknown names and wrong passwords take turns in a random order, ten of each name
at most, as more are refused; the two samples are compared by the test of Mann and Whitney, with ties, in the normal
approximation. Logins come by connections of their own, from another process, while messages are sent at a fixed rate.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import math
import random
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from bench import app
from bench.chat import ChatFigures, measure
from bench.clients import ClientPool, allow_many_files, percentile

PASSWORD: Final = "long-enough-1!"
TRIES_A_NAME: Final = 10
CHAT_RATE: Final = 200.0
WARM_UP: Final = 20


class Logins:
    """One connection that tries to sign in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def attempt(self, login: str, password: str) -> tuple[int, float]:
        """The status, and ms until the answer."""
        body = json.dumps({"login": login, "password": password})
        started = time.perf_counter()
        self._connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, (time.perf_counter() - started) * 1e3


def refusals(port: int, tries: int, seed: int) -> tuple[list[float], list[float]]:
    """ms of each refusal: for wrong passwords, for names that nobody has."""
    count = math.ceil((tries + WARM_UP) / TRIES_A_NAME)
    known, unknown = [f"known_{number}" for number in range(count)], [f"ghost_{number}" for number in range(count)]
    for name in known:
        app.register(port, name)
    logins = Logins(port)
    found: tuple[list[float], list[float]] = ([], [])
    turns = [(kind, number) for number in range(tries + WARM_UP) for kind in (0, 1)]
    warm, rest = turns[: 2 * WARM_UP], turns[2 * WARM_UP :]
    random.Random(seed).shuffle(rest)
    for place, (kind, number) in enumerate([*warm, *rest]):
        status, took_ms = logins.attempt((known, unknown)[kind][number // TRIES_A_NAME], "not the password")
        if status != 401:
            raise RuntimeError(f"a wrong login was answered with {status}")
        if place >= len(warm):
            found[kind].append(took_ms)
    return found


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p of the samples being of one distribution."""
    both = sorted([*((value, 0) for value in one), *((value, 1) for value in other)])
    ranks, ties, place = 0.0, 0.0, 0
    for _, same in itertools.groupby(both, key=lambda found: found[0]):
        group = list(same)
        middle = place + (len(group) + 1) / 2
        ranks += middle * sum(1 for _, kind in group if kind == 0)
        ties += len(group) ** 3 - len(group)
        place += len(group)
    n, m, whole = len(one), len(other), len(one) + len(other)
    expected, spread = n * (whole + 1) / 2, n * m / 12 * (whole + 1 - ties / (whole * (whole - 1)))
    z = max(0.0, abs(ranks - expected) - 0.5) / math.sqrt(spread) if spread > 0 else 0.0
    return math.erfc(z / math.sqrt(2))


def pound(port: int, connections: int, seconds: float) -> int:
    """Right logins, one behind the other on each connection: how many were answered."""
    end, done = time.perf_counter() + seconds, [0] * connections

    def one(number: int) -> None:
        logins = Logins(port)
        while time.perf_counter() < end:
            status, _ = logins.attempt(f"bench{number}", PASSWORD)
            done[number] += status == 200

    threads = [threading.Thread(target=one, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def beside_chat(server: app.App, options: argparse.Namespace) -> tuple[list[ChatFigures], list[ChatFigures], float]:
    """Chat without and with logins, in turns; and logins a second of the server's processor time."""
    tokens = server.tokens(options.sockets)
    rooms = [server.new_room(tokens[0])[1] for _ in range(10)]
    pool = ClientPool(host="127.0.0.1", port=server.port)
    pool.connect(options.sockets, says=lambda number: app.joined(tokens[number], rooms[number % len(rooms)]))
    without, beside, rates = [], [], []
    with ProcessPoolExecutor(1) as other:
        for round_ in range(options.rounds):
            without.append(measure(server, pool.sockets, rooms, 2 * round_, CHAT_RATE, options.seconds))
            cpu_s = server.cpu_s()
            logins = other.submit(pound, server.port, options.connections, options.seconds)
            beside.append(measure(server, pool.sockets, rooms, 2 * round_ + 1, CHAT_RATE, options.seconds))
            count = logins.result()
            of_chat_s = without[-1].cpu_us * beside[-1].acked / 1e6
            rates.append(count / max(0.001, server.cpu_s() - cpu_s - of_chat_s))
    pool.close()
    return without, beside, statistics.median(rates)


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench login", description=__doc__)
    found.add_argument("--tries", type=int, default=500, help="of each kind")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--sockets", type=int, default=20)
    found.add_argument("--connections", type=int, default=4, help="that sign in at once")
    found.add_argument("--seconds", type=float, default=5.0)
    found.add_argument("--rounds", type=int, default=3)
    options = found.parse_args(argv)
    allow_many_files()
    server = app.App()
    try:
        wrong, unknown = refusals(server.port, options.tries, options.seed)
        without, beside, a_core = beside_chat(server, options)
    finally:
        server.stop()
    for name, sample in (("wrong password", wrong), ("unknown user", unknown)):
        middle, worst = percentile(sample, 0.5), percentile(sample, 0.99)
        print(f"{name:16}{len(sample):>6} tries  p50 {middle:6.2f} ms  p99 {worst:6.2f} ms")
    print(f"Mann-Whitney     p = {mann_whitney(wrong, unknown):.3f}")
    print(f"logins           {a_core:.1f} a second of processor time")
    for name, rows in (("chat alone", without), ("beside logins", beside)):
        p99 = [row.p99_ms for row in rows]
        print(f"{name:16} p99 {statistics.median(p99):6.1f} ms ({min(p99):.1f} to {max(p99):.1f})")
    return 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
