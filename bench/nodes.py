"""`python -m bench nodes`: what a chat delivery costs with a room's viewers on two nodes, and what Redis has to carry.

First one room with the same viewers and messages on a cluster of one node and on one of two, half of the viewers and
speakers on each; both run all the time, with engines of their own, and are measured in turn. Then the two nodes with
more and more viewers, who watch the stream too, at several rates: what Redis counted itself.

The nodes share the first core, everything else the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count as count_from
from typing import Any, Final

from bench import app, drawing, report
from bench.clients import ClientPool, Steps, allow_many_files, percentile, pin
from bench.cluster import LocalCluster
from bench.fanout import FanoutFigures, FanoutRun
from bench.machine import keep_on
from bench.report import Better, Figure, Point
from storage.redis import Redis

QUESTION: Final = "nodes"
SPEAKERS: Final = 8
BAR_TIMES: Final = 1.2
BAR_GROWTH: Final = 1.1
SHARED_S: Final = 30.0
SETTLE_S: Final = 3.0
ASKED: Final = frozenset({"info", "ping", "client", "hello", "command"})
"""Commands of this bench, which looks."""


class SharedCluster:
    """Some nodes on engines of their own: one ``bench.peers.Server`` for the bench."""

    def __init__(self, count: int, core: int) -> None:
        self.name = f"{count} node{'s' * (count > 1)}"
        self.cluster = LocalCluster(flags=app.OPEN_LIMITS)
        try:
            self.nodes = self.cluster.start(count)
            asyncio.run(_until_shared(self.cluster, count))
            for node in self.nodes:
                keep_on(node.pid, {core})
            self.port = self.nodes[0].port
            accounts = [app.register(self.port, f"speaker{number}") for number in range(SPEAKERS)]
            self.tokens: list[str] = [account["access_token"] for account in accounts]
            made = app.call(self.port, "POST", "/streams", {"title": "bench"}, self.tokens[0])["stream"]
        except BaseException:
            self.cluster.stop()
            raise
        self._ids = count_from(1)
        self.stream_id: str = made["id"]
        self.room_id: str = made["chat"]["room_id"]

    def cpu_s(self) -> float:
        return sum(node.cpu_s() for node in self.nodes)

    def memory_bytes(self) -> int:
        return sum(node.memory_bytes() for node in self.nodes)

    def stop(self) -> None:
        self.cluster.stop()

    def says(self, number: int, text: str) -> bytes:
        """No two under the same client id: the second would be taken for the first, posted again."""
        return app.sent(number, self.room_id, text, f"m{next(self._ids)}")

    def bring(self, pool: ClientPool, viewers: int, enters: Callable[[str | None], Steps]) -> None:
        """So many more, as many on each node. The last are those who speak."""
        for is_speaking, count in ((False, viewers - SPEAKERS), (True, SPEAKERS)):
            for place, node in enumerate(self.nodes):
                first, last = (count * (place + turn) // len(self.nodes) for turn in (0, 1))
                tokens = self.tokens[first:last] if is_speaking else [None] * (last - first)
                pool.connect(len(tokens), says=lambda n, tokens=tokens: enters(tokens[n]), port=node.port)  # type: ignore[misc]

    def joins(self, token: str | None) -> Steps:
        return app.joined(token, self.room_id)

    def joins_and_watches(self, token: str | None) -> Steps:
        watch = app.packet(1, "stream:watch", {"stream_id": self.stream_id})
        return (*app.joined(token, self.room_id), (watch, b'431[{"ok":true'))


async def _until_shared(cluster: LocalCluster, count: int) -> None:
    async with asyncio.timeout(SHARED_S):
        while len(await cluster.shares()) < count:  # noqa: ASYNC110 - a table tells it
            await asyncio.sleep(0.1)


# -------------------------------------------------------------------------------------------- what a delivery costs


@dataclass(frozen=True, slots=True)
class Cost:
    """One measurement. Microseconds of CPU a delivery, the engines' apart."""

    row: FanoutFigures
    redis_us: float
    postgres_us: float


class RoomViewers:
    """A cluster with all viewers in its room."""

    def __init__(self, cluster: SharedCluster, viewers: int, message_bytes: int) -> None:
        self.cluster = cluster
        self.pool = ClientPool(host="127.0.0.1", port=cluster.port)
        cluster.bring(self.pool, viewers, cluster.joins)
        self._run = FanoutRun(cluster, self.pool, viewers, message_bytes, cluster.says, SPEAKERS)
        self._viewers = viewers

    def cost(self, seconds: float, rate: float) -> Cost:
        cluster, posted = self.cluster.cluster, self._run.posted
        redis, postgres = cluster.redis_cpu_s(), cluster.postgres_cpu_s()
        row = self._run.open_loop(seconds, rate)
        share = 1e6 / max(1, (self._run.posted - posted) * self._viewers)
        return Cost(row, (cluster.redis_cpu_s() - redis) * share, (cluster.postgres_cpu_s() - postgres) * share)

    def silence(self, seconds: float) -> float:
        """The share of a core that all nodes together use when no client posts."""
        self.pool.pong()
        before, started = self.cluster.cpu_s(), time.perf_counter()
        while (took := time.perf_counter() - started) < seconds:
            self.pool.pump(seconds - took)
        return (self.cluster.cpu_s() - before) / took


def costs(one: SharedCluster, two: SharedCluster, options: argparse.Namespace) -> list[Figure]:
    audiences = [RoomViewers(cluster, options.viewers, options.bytes) for cluster in (one, two)]
    time.sleep(SETTLE_S)
    found: list[list[list[Cost]]] = [[[], []] for _ in options.rates]
    silent: list[list[float]] = [[], []]
    for audience in audiences:
        audience.cost(1.0, max(options.rates))  # warm
    for turn in range(options.rounds):
        places = (0, 1) if turn % 2 == 0 else (1, 0)
        for place in places:
            silent[place].append(audiences[place].silence(options.seconds))
        for rate, of_rate in zip(options.rates, found, strict=True):
            for place in places:
                of_rate[place].append(audiences[place].cost(options.seconds, rate))
    for audience in audiences:
        audience.pool.close()
    figures = [_one(f"silent, {name}", [v * 100 for v in values], "% of a core") for name, values in _named(silent)]
    for rate, of_rate in zip(options.rates, found, strict=True):
        figures += _cost_figures(rate, *of_rate)
    figures += _net_figures(options, found, silent)
    lost = sum(cost.row.lost for of_rate in found for costs in of_rate for cost in costs)
    return [*figures, _one("deliveries that did not come", [lost], "", bar=0.0)]


def _named(of_two: Sequence[list[Any]]) -> Iterator[tuple[str, list[Any]]]:
    yield from zip(("1 node", "2 nodes"), of_two, strict=True)


def _cost_figures(rate: float, one: list[Cost], two: list[Cost]) -> list[Figure]:
    each, figures = [[cost.row.cpu_us_per_delivery for cost in costs] for costs in (one, two)], []
    times = [more / less for less, more in zip(*each, strict=True)]
    figures.append(_one(f"{rate:g}/s: a delivery on 2 nodes, times that on 1", times, "×", bar=BAR_TIMES))
    for name, costs in _named((one, two)):
        head = f"{rate:g}/s, {name}"
        figures += [
            _one(f"{head}: CPU a delivery", [cost.row.cpu_us_per_delivery for cost in costs], "µs"),
            _one(f"{head}: Redis' beside it", [cost.redis_us for cost in costs], "µs"),
            _one(f"{head}: Postgres' beside it", [cost.postgres_us for cost in costs], "µs"),
            _one(f"{head}: p99", [cost.row.p99_ms for cost in costs], "ms"),
        ]
    return figures


def _net_figures(options: argparse.Namespace, found: list[list[list[Cost]]], silent: list[list[float]]) -> list[Figure]:
    """The same ratio of what the deliveries add to what silent nodes use anyway."""
    idle = [statistics.median(values) for values in silent]
    figures = []
    for rate, of_rate in zip(options.rates, found, strict=True):
        less, more = (
            [(cost.row.cpu - rest) / cost.row.deliveries_per_s for cost in costs]
            for costs, rest in zip(of_rate, idle, strict=True)
        )
        times = [two / one for one, two in zip(less, more, strict=True)]
        figures.append(_one(f"{rate:g}/s: the same, without what they use in silence", times, "×"))
    return figures


# --------------------------------------------------------------------------------------------- what Redis has to carry


@dataclass(frozen=True, slots=True)
class Ledger:
    """What Redis has counted since its start; ``told`` are the bytes of this answer, which come on top."""

    commands: int
    total_bytes: int
    told: int

    def __sub__(self, before: Ledger) -> Ledger:
        """What came in between."""
        return Ledger(self.commands - before.commands, self.total_bytes - before.total_bytes - before.told, 0)

    @classmethod
    def of(cls, told: bytes) -> Ledger:
        rows = dict(line.split(":", 1) for line in told.decode().splitlines() if ":" in line)
        counted = {name: row for name, row in rows.items() if name.startswith("cmdstat_")}
        commands = sum(
            int(row.partition("calls=")[2].partition(",")[0])
            for name, row in counted.items()
            if name.removeprefix("cmdstat_").partition("|")[0] not in ASKED
        )
        carried = int(rows["total_net_input_bytes"]) + int(rows["total_net_output_bytes"])
        return cls(commands, carried, len(told))


def read_ledger(url: str) -> Ledger:
    async def ask() -> bytes:
        redis = await Redis.connect(url, max_connections=1)
        try:
            told: bytes = await redis.command("INFO", "all")
            return told
        finally:
            await redis.close()

    return Ledger.of(asyncio.run(ask()))


@dataclass(frozen=True, slots=True)
class Load:
    """Of Redis, a second."""

    viewers: int
    rate: float
    commands: float
    kbytes: float
    lost: int


def load(cluster: SharedCluster, run: FanoutRun, pool: ClientPool, viewers: int, rate: float, seconds: float) -> Load:
    before, started = read_ledger(cluster.cluster.redis_url), time.perf_counter()
    lost = run.open_loop(seconds, rate).lost if rate else 0
    while (took := time.perf_counter() - started) < seconds:
        pool.pump(seconds - took)
    carried = read_ledger(cluster.cluster.redis_url) - before
    return Load(viewers, rate, carried.commands / took, carried.total_bytes / 1000 / took, lost)


def loads(cluster: SharedCluster, options: argparse.Namespace) -> list[Figure]:
    pool = ClientPool(host="127.0.0.1", port=cluster.port)
    found: list[Load] = []
    posted, coming = 0, []
    for viewers in options.crowds:
        before, more = read_ledger(cluster.cluster.redis_url), viewers - len(pool)
        took = -time.perf_counter()
        cluster.bring(pool, more, cluster.joins_and_watches)
        time.sleep(SETTLE_S)
        took += time.perf_counter()
        coming.append(((read_ledger(cluster.cluster.redis_url) - before).commands, took, more))
        run = FanoutRun(cluster, pool, viewers, options.bytes, cluster.says, SPEAKERS, posted=posted)
        for _ in range(options.rounds):
            for rate in (0.0, *options.loads):
                pool.pong()
                found.append(load(cluster, run, pool, viewers, rate, options.seconds))
        posted = run.posted
    pool.close()
    _plot(found)
    return _load_figures(found, coming)


def _load_figures(found: list[Load], coming: list[tuple[int, float, int]]) -> list[Figure]:
    figures = []
    rates, crowds = sorted({one.rate for one in found}), sorted({one.viewers for one in found})
    for rate in rates:
        same = {viewers: [one for one in found if (one.rate, one.viewers) == (rate, viewers)] for viewers in crowds}
        for viewers, ones in same.items():
            head = f"Redis, {rate:g} messages/s, {viewers:,} viewers"
            point = Point(f"{rate:g} messages/s", viewers, "viewers", "commands/s")
            figures.append(_one(head, [one.commands for one in ones], "commands/s", point=point))
            figures.append(_one(head, [one.kbytes for one in ones], "KB/s"))
        fewest, most = same[crowds[0]], same[crowds[-1]]
        times = [more.commands / less.commands for less, more in zip(fewest, most, strict=True)]
        name = f"Redis, {rate:g} messages/s: {crowds[-1]:,} viewers, times {crowds[0]:,}"
        figures.append(_one(name, times, "×", bar=BAR_GROWTH))
    silent = statistics.median(one.commands for one in found if not one.rate)
    each = [(commands - silent * took) / more for commands, took, more in coming]
    figures.append(_one("Redis, for one more viewer who comes in", each[-1:], "commands"))
    figures.append(_one("deliveries that did not come meanwhile", [sum(one.lost for one in found)], "", bar=0.0))
    return figures


def _plot(found: list[Load]) -> None:
    lines: dict[str, list[tuple[float, float]]] = {}
    for rate, viewers in dict.fromkeys((one.rate, one.viewers) for one in found):
        values = [one.commands for one in found if (one.rate, one.viewers) == (rate, viewers)]
        lines.setdefault(f"{rate:g} messages/s", []).append((viewers, percentile(values, 0.5)))
    title = "What Redis carries for two nodes"
    print(f"drawn in {drawing.draw('nodes', title=title, x='viewers', y='commands/s', lines=lines)}")


def _one(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    bar: float | None = None,
    better: Better = "lower",
    point: Point | None = None,
) -> Figure:
    return report.figure(QUESTION, name, values, unit, better=better, bar=bar, point=point)


# -------------------------------------------------------------------------------------------------------- the command


@contextmanager
def _clusters(core: int) -> Iterator[tuple[SharedCluster, SharedCluster]]:
    one = SharedCluster(1, core)
    try:
        two = SharedCluster(2, core)
        try:
            yield one, two
        finally:
            two.stop()
    finally:
        one.stop()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench nodes", description=__doc__)
    parser.add_argument("--viewers", type=int, default=400, help="of the room, for the cost of a delivery")
    parser.add_argument("--rates", type=float, nargs="+", default=[20, 100, 300], help="messages/s, for the cost")
    parser.add_argument("--crowds", type=int, nargs="+", default=[50, 500, 1000], help="viewers, for Redis; ascending")
    parser.add_argument("--loads", type=float, nargs="+", default=[10, 50], help="messages/s, for Redis")
    parser.add_argument("--bytes", type=int, default=250, help="of a message")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved; medians")
    report.options(parser)
    options = parser.parse_args(argv)
    allow_many_files()
    first_core = min(os.sched_getaffinity(0))
    pin(1)
    with _clusters(first_core) as (one, two):
        figures = [*costs(one, two, options), *loads(two, options)]
    report.hand_over(figures, options.json)
    return 0
