"""`python -m bench login`: whether the time of a refused login tells if the account exists, how many logins a core
carries, and what they cost the chat beside them.

The real server with its own Postgres. Unknown names and wrong passwords take turns in a random order, ten of each name
at most, as more are refused; the two samples are compared by the test of Mann and Whitney, with ties, in the normal
approximation. Then messages are sent at a fixed rate: alone, beside a bystander and beside logins, in turns. The logins
come by connections of their own, from another process, at a fixed rate too. The server and its hashing process have
one core; the clients are on another one, as far as there is one. The bystander is no part of the server: it makes as
many hashes at the same priority on the server's core. So the time that chat takes beside it is what a core that is as
full costs, whoever fills it; what chat takes longer beside logins is the server's own doing.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import math
import os
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bench import app
from bench.chat import ChatFigures, measure
from bench.clients import CORES, ClientPool, allow_many_files, percentile, pin
from bench.machine import keep_on, main_thread_cpu_s
from media.confinement import NICENESS as CHILD_NICENESS
from server.features.people.accounts.passwords import COST
from server.hashing.argon2 import Hash, computed
from server.hashing.worker import NICENESS as HASHING_NICENESS

PASSWORD: Final = "long-enough-1!"
TRIES_A_NAME: Final = 10
CHAT_RATE: Final = 200.0
WARM_UP: Final = 20
PRIORITY: Final = CHILD_NICENESS + HASHING_NICENESS


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


def sign_in(port: int, connections: int, rate: float, seconds: float) -> int:
    """Right logins, ``rate`` a second on all connections together (0: each as soon as the last one was answered): how
    many were answered.
    """
    started, done = time.perf_counter(), [0] * connections

    def one(number: int) -> None:
        logins = Logins(port)
        for turn in itertools.count():
            due = started + (turn * connections + number) / rate if rate else 0.0
            time.sleep(max(0.0, due - time.perf_counter()))
            if time.perf_counter() - started >= seconds:
                return
            status, _ = logins.attempt(signer(number), PASSWORD)
            if status != 200:
                raise RuntimeError(f"a right login was answered with {status}")
            done[number] += 1

    with ThreadPoolExecutor(connections) as threads:
        for _ in threads.map(one, range(connections)):
            pass
    return sum(done)


def signer(number: int) -> str:
    """Whom a connection signs in."""
    return f"signer{number}"


def hash_beside(rate: float, seconds: float) -> int:
    """The bystander: as many hashes as so many logins take. How many were computed."""
    keep_on(os.getpid(), set(CORES[:1]))
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    started, done = time.perf_counter(), 0
    while (now := time.perf_counter() - started) < seconds:
        if rate and now < done / rate:
            time.sleep(done / rate - now)
            continue
        computed(Hash(PASSWORD, COST))
        done += 1
    return done


@dataclass(frozen=True, kw_only=True)
class Round:
    """Chat alone, beside the bystander, and beside logins. ``cpu_s``, ``loop_s``, ``engines_s``: processor time that
    the logins cost the server, of it its event loop; and the engines.
    """

    alone: ChatFigures
    bystander: ChatFigures
    beside: ChatFigures
    hashes: int
    logins: int
    cpu_s: float
    loop_s: float
    engines_s: float


def beside_chat(server: app.App, options: argparse.Namespace) -> list[Round]:
    tokens = server.tokens(options.sockets)
    rooms = [server.new_room(tokens[0])[1] for _ in range(10)]
    for number in range(options.connections):
        app.register(server.port, signer(number))
    pool = ClientPool(host="127.0.0.1", port=server.port)
    pool.connect(options.sockets, says=lambda number: app.joined(tokens[number], rooms[number % len(rooms)]))
    found = []
    runs = itertools.count()

    def chat() -> ChatFigures:
        return measure(server, pool.sockets, rooms, next(runs), CHAT_RATE, options.seconds)

    with ProcessPoolExecutor(1) as other, ProcessPoolExecutor(1) as bystander:
        for _ in range(options.rounds):
            hashes = bystander.submit(hash_beside, options.logins, options.seconds)
            full, hashed = chat(), hashes.result()
            spent = [_spent(server)]
            alone = chat()
            spent.append(_spent(server))
            logins = other.submit(sign_in, server.port, options.connections, options.logins, options.seconds)
            beside, count = chat(), logins.result()
            spent.append(_spent(server))
            cost = [(end - middle) - (middle - start) for start, middle, end in zip(*spent, strict=True)]
            found.append(
                Round(
                    alone=alone, bystander=full, beside=beside, hashes=hashed, logins=count, cpu_s=cost[0],
                    loop_s=cost[1], engines_s=cost[2],
                )
            )  # fmt: skip
    pool.close()
    return found


def _spent(server: app.App) -> tuple[float, float, float]:
    return server.cpu_s(), main_thread_cpu_s(server.pid), server.engines_cpu_s()


def main(argv: list[str]) -> int:
    found = argparse.ArgumentParser(prog="python -m bench login", description=__doc__)
    found.add_argument("--tries", type=int, default=500, help="of each kind")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--sockets", type=int, default=20)
    found.add_argument("--connections", type=int, default=4, help="that sign in at once")
    found.add_argument("--logins", type=float, default=20.0, help="a second; 0: as many as are answered")
    found.add_argument("--seconds", type=float, default=5.0)
    found.add_argument("--rounds", type=int, default=3)
    options = found.parse_args(argv)
    allow_many_files()
    pin(1)
    server = app.App()
    try:
        wrong, unknown = refusals(server.port, options.tries, options.seed)
        rounds = beside_chat(server, options)
    finally:
        server.stop()
    show(wrong, unknown, rounds, options)
    return 0


def show(wrong: list[float], unknown: list[float], rounds: list[Round], options: argparse.Namespace) -> None:
    for name, sample in (("wrong password", wrong), ("unknown user", unknown)):
        middle, worst = percentile(sample, 0.5), percentile(sample, 0.99)
        print(f"{name:16}{len(sample):>6} tries  p50 {middle:6.2f} ms  p99 {worst:6.2f} ms")
    print(f"Mann-Whitney     p = {mann_whitney(wrong, unknown):.3f}")
    answered = sum(one.logins for one in rounds)
    a_core, loop_ms = answered / sum(one.cpu_s for one in rounds), sum(one.loop_s for one in rounds) / answered * 1e3
    print(f"logins           {answered / options.seconds / len(rounds):.1f} a second answered beside chat")
    print(f"                 {a_core:.1f} a second of processor time, of which the loop has {loop_ms:.2f} ms each")
    engines_ms = sum(one.engines_s for one in rounds) / answered * 1e3
    print(f"                 {engines_ms:.2f} ms of Postgres and Redis each")
    hashes = sum(one.hashes for one in rounds)
    print(f"bystander        {hashes / options.seconds / len(rounds):.1f} hashes a second")
    for name, rows in (
        ("chat alone", [one.alone for one in rounds]),
        ("beside bystander", [one.bystander for one in rounds]),
        ("beside logins", [one.beside for one in rounds]),
    ):
        p50, p99 = statistics.median(row.p50_ms for row in rows), [row.p99_ms for row in rows]
        print(f"{name:16} p50 {p50:5.1f} ms  p99 {statistics.median(p99):5.1f} ms ({min(p99):.1f} to {max(p99):.1f})")
    for name, ratios in (
        (
            "to a core that is as full: the server's own doing",
            [one.beside.p99_ms / one.bystander.p99_ms for one in rounds],
        ),
        (
            "to an idle core: what the processor time costs too",
            [one.beside.p99_ms / one.alone.p99_ms for one in rounds],
        ),
    ):
        print(f"p99 ratio        {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) {name}")


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
