"""`python -m bench filtered`: what do sends and fan-out cost in a room with its filter and its modes on?

One node, two owners: the rooms of one are plain; those of the other have a filter of a thousand words, of links,
repeats and capitals, and every mode that lets a text through: slow, followers only and unique. (Shield is these three
with longer times.) The same people send to both in turns, round by round; a ratio is of one round.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from bench import app, report
from bench.accounts import SeededAccount, seed
from bench.chat import ChatFigures, measure
from bench.clients import CORES, ClientPool, Steps, allow_many_files, pin
from bench.cluster import LocalCluster, NodeProcess
from bench.fanout import FanoutFigures, FanoutRun
from bench.machine import cpu_s, keep_on
from bench.report import Figure, figure
from storage.postgres import Database
from tests.actors.screened_texts import ARABIC, LATIN, other_words

BAR: Final = 1.10
SLOW_S: Final = 1
MODE: Final = {"slow_seconds": SLOW_S, "followers_only_seconds": 600, "unique": True}
WORDS: Final = "and what is said besides has the usual length of a message in a chat, more or less, not much more"

Item = TypeVar("Item")


class Server:
    """The node, as ``measure`` and ``FanoutRun`` look at it."""

    name = "app"

    def __init__(self, cluster: LocalCluster, node: NodeProcess) -> None:
        self._cluster = cluster
        self._node = node
        self.port = node.port
        keep_on(node.pid, set(CORES[:1]))

    def cpu_s(self) -> float:
        return cpu_s(self._node.pid)

    def engines_cpu_s(self) -> float:
        return self._cluster.postgres_cpu_s() + self._cluster.redis_cpu_s()


class Scene:
    """Who sends, and the rooms of both owners: the last of each is for fan-out."""

    def __init__(self, cluster: LocalCluster, server: Server, options: argparse.Namespace) -> None:
        self.server = server
        self.options = options
        self.people = asyncio.run(seed(cluster.database_url, options.sockets))
        self._pools: list[ClientPool] = []
        self.rooms: dict[str, list[str]] = {}
        for kind in ("plain", "filtered"):
            owner = app.register(server.port, kind)
            self.rooms[kind] = [self._room(owner["access_token"]) for _ in range(options.rooms + 1)]
            if kind == "filtered":
                asyncio.run(_follow(cluster.database_url, self.people, owner["user"]["id"]))
                app.call(server.port, "PUT", "/me/chat-filter", _filter(options.words), owner["access_token"])
                self._set_modes(owner["access_token"], self.rooms[kind])

    def _room(self, token: str) -> str:
        room: str = app.call(self.server.port, "POST", "/streams", {"title": "bench"}, token)["stream"]["chat"][
            "room_id"
        ]
        return room

    def _set_modes(self, token: str, rooms: Sequence[str]) -> None:
        def set_modes(_: int) -> list[tuple[bytes, bytes]]:
            acts = [
                (app.packet(number, "chat:mode", {"room_id": room, "mode": MODE}), b'43%d[{"ok":true' % number)
                for number, room in enumerate(rooms, 1)
            ]
            return [*app.login(token), *acts]

        self.pool().connect(1, says=set_modes)

    def pool(self) -> ClientPool:
        made = ClientPool(host="127.0.0.1", port=self.server.port)
        self._pools.append(made)
        return made

    def close(self) -> None:
        for pool in self._pools:
            pool.close()


def _filter(words: int) -> dict[str, Any]:
    texts = [*LATIN, *ARABIC, *other_words(words)][:words]
    links = {"allowed": ["example.org"], "action": "hold"}
    rules = {"links": links, "repeats": "hold", "capitals": "hold"}
    return {"words": [{"text": text, "action": "refuse"} for text in texts], **rules}


async def _follow(database_url: str, people: Sequence[SeededAccount], owner_id: str) -> None:
    """For as long as followers must have followed."""
    db = await Database.connect(database_url, max_connections=1)
    await db.execute(
        "insert into follows (follower_id, followee_id, created_at)"
        " select id, $2, now() - interval '1 day' from unnest($1::uuid[]) id",
        [person.id for person in people], owner_id,
    )  # fmt: skip
    await db.close()


# -- two questions


def sends(scene: Scene) -> dict[str, list[ChatFigures]]:
    """Into all rooms of an owner, for each round. No person comes back to a room within the slow mode's seconds."""
    options, rows = scene.options, {kind: list[ChatFigures]() for kind in scene.rooms}
    pool = scene.pool()
    pool.connect(options.sockets, says=lambda number: app.login(scene.people[number].token))
    sent: Counter[str] = Counter()
    runs = itertools.count()
    for _ in range(options.rounds):
        for kind, all_rooms in scene.rooms.items():
            pool.pong()
            sockets, rooms = _from(pool.sockets, sent[kind]), _from(all_rooms[:-1], sent[kind])
            row = measure(scene.server, sockets, rooms, next(runs), options.rate, options.seconds)
            rows[kind].append(row)
            sent[kind] += row.acked + row.unanswered
    pool.close()
    return rows


def _from(items: list[Item], place: int) -> list[Item]:
    """From this place on and around."""
    at = place % len(items)
    return items[at:] + items[:at]


def deliveries(scene: Scene) -> dict[str, list[FanoutFigures]]:
    """From the last room of each owner to its viewers, who are those that send."""
    options, rows = scene.options, {kind: list[FanoutFigures]() for kind in scene.rooms}
    runs: dict[str, FanoutRun] = {}
    for kind, rooms in scene.rooms.items():
        pool = scene.pool()
        pool.connect(options.sockets, says=_joins(scene.people, rooms[-1]))
        runs[kind] = FanoutRun(scene.server, pool, options.sockets, 250, _sends(rooms[-1]), options.sockets)
    for _ in range(options.rounds):
        for kind, run in runs.items():
            rows[kind].append(run.open_loop(options.seconds, options.fanout_rate))
    return rows


def _joins(people: Sequence[SeededAccount], room: str) -> Callable[[int], Steps]:
    return lambda number: app.joined(people[number].token, room)


def _sends(room: str) -> Callable[[int, str], bytes]:
    """The stamp with words, for a filter looks at repeated letters."""
    return lambda number, text: app.sent(number, room, f"{text.rstrip('x')} {WORDS}", f"m{number}")


# -- the figures


def figures(sent: dict[str, list[ChatFigures]], shown: dict[str, list[FanoutFigures]]) -> list[Figure]:
    refused = sum(row.refused + row.unanswered for rows in sent.values() for row in rows)
    lost = sum(row.lost for rows in shown.values() for row in rows)
    found = [_figure("sends refused or unanswered", [refused], "", 0.0), _figure("deliveries lost", [lost], "", 0.0)]
    for name, unit, attribute, rows in (
        ("chat:send acknowledged, p50", "ms", "p50_ms", sent),
        ("chat:send acknowledged, p99", "ms", "p99_ms", sent),
        ("CPU of the node for a send", "µs", "cpu_us", sent),
        ("delivered, p50", "ms", "p50_ms", shown),
        ("delivered, p99", "ms", "p99_ms", shown),
        ("CPU of the node for a delivery", "µs", "cpu_us_per_delivery", shown),
    ):
        plain, filtered = ([float(getattr(row, attribute)) for row in rows[kind]] for kind in ("plain", "filtered"))
        found.append(_figure(f"{name}, plain", plain, unit))
        found.append(_figure(f"{name}, filtered", filtered, unit))
        ratios = [with_it / without for with_it, without in zip(filtered, plain, strict=True)]
        found.append(_figure(f"{name}, ratio", ratios, "×", BAR))
    return found


def _figure(name: str, values: Sequence[float], unit: str, bar: float | None = None) -> Figure:
    return figure("filtered", name, values, unit, better="lower", bar=bar)


def main(argv: Sequence[str]) -> int:
    """Prints medians, spreads and the bars."""
    parser = argparse.ArgumentParser(prog="python -m bench filtered", description=__doc__)
    parser.add_argument("--sockets", type=int, default=401, help="people; a prime, so that they go through all rooms")
    parser.add_argument("--rooms", type=int, default=20, help="of each owner")
    parser.add_argument("--rate", type=float, default=1_000.0, help="sends a second into all rooms")
    parser.add_argument("--fanout-rate", type=float, default=20.0, help="messages a second into one room")
    parser.add_argument("--words", type=int, default=1_000, help="of the filter")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    report.options(parser)
    options = parser.parse_args(argv)
    if options.sockets < 2 * SLOW_S * max(options.fanout_rate, options.rate / options.rooms):
        parser.error("--sockets: too few for these rates: the slow mode would refuse them")
    allow_many_files()
    pin(1)
    cluster = LocalCluster(flags=app.OPEN_LIMITS)
    try:
        (node,) = cluster.start()
        scene = Scene(cluster, Server(cluster, node), options)
        sent, shown = sends(scene), deliveries(scene)
        scene.close()
    finally:
        cluster.stop()
    report.hand_over(figures(sent, shown), options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
