"""`python -m bench drain`: a node that all clients are on is stopped while they talk, and what they notice of it.

Two nodes; all sockets are on the first, and so are the actors of all rooms. After SIGTERM clients come back to the
other. What they were acknowledged and shown is compared with the database.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import uvloop

from actors.runtime import shard_of
from actors.runtime.ids import ActorId
from bench import report
from bench.app import OPEN_LIMITS
from bench.clients import allow_many_files, percentile
from bench.cluster import LocalCluster
from bench.failover import compare
from bench.fault_run import FaultRun
from bench.report import Better, Figure
from storage.postgres import Database

QUESTION: Final = "drain"
BAR_S: Final = 10.0
CALM_S: Final = 3.0
AFTER_S: Final = 3.0
SHARED_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Leave:
    """One drain. Waits in milliseconds, of what was posted while it lasted."""

    took_s: float
    code: int
    told_ms: list[int]
    back_s: float
    waits_ms: list[float]
    away_ms: list[float]
    refusals: dict[str, int]
    refused: int
    reconnects: int
    acked: int
    lost: int
    repeated: int
    examples: list[str]


async def _owned(cluster: LocalCluster) -> set[int]:
    """The shards of the first of two nodes, once each has its share."""
    first = cluster.nodes[0].name
    db = await Database.connect(cluster.database_url, max_connections=1)
    try:
        async with asyncio.timeout(SHARED_S):
            before: dict[int, str] = {}
            while True:
                owners = {row["shard"]: row["node"] for row in await db.fetch("select shard, node from shards")}
                if owners == before and len(set(owners.values())) == 2:
                    return {shard for shard, node in owners.items() if node == first}
                before = owners
                await asyncio.sleep(1.0)
    finally:
        await db.close()


async def leave(cluster: LocalCluster, options: argparse.Namespace) -> Leave:
    owned = await _owned(cluster)
    fault_run = FaultRun(cluster, options, home_of=lambda _: 0)
    fault_run.settle(is_wanted=lambda room_id: shard_of(ActorId("chat", room_id)) in owned)
    try:
        await fault_run.come_in()
        await asyncio.sleep(CALM_S)
        return await _leave(fault_run)
    finally:
        for chat_client in fault_run.chat_clients:
            chat_client.close()


async def _leave(fault_run: FaultRun) -> Leave:
    node, notes = fault_run.slots[0], fault_run.notes
    refused, began = notes.refused, fault_run.now
    node.signal(signal.SIGTERM)
    fault_run.shut.add(node)
    coming = asyncio.create_task(_until_back(fault_run), name="until everybody is back")
    code = await asyncio.to_thread(node.end, within_s=60.0)
    ended = fault_run.now
    back_s = await coming - began
    await asyncio.sleep(AFTER_S)
    waits = fault_run.waits_ms(began, ended)
    await compare(fault_run)
    twice = notes.wrongs["repeated or out of order"]
    return Leave(
        took_s=ended - began,
        code=code,
        told_ms=notes.told_ms,
        back_s=back_s,
        waits_ms=waits,
        away_ms=[away_s * 1000 for away_s in notes.away_s],
        refusals=dict(notes.refusals),
        refused=notes.refused - refused,
        reconnects=notes.reconnects,
        acked=sum(len(room.acked) for room in fault_run.rooms),
        lost=notes.wrongs.total() - twice,
        repeated=twice,
        examples=notes.examples,
    )


async def _until_back(fault_run: FaultRun) -> float:
    """When all had come back."""

    def is_back() -> bool:
        return fault_run.notes.reconnects >= len(fault_run.chat_clients) and all(
            chat_client.is_in for chat_client in fault_run.chat_clients
        )

    await fault_run.until(is_back, what="everybody is back")
    return fault_run.now


def figures(leaves: Sequence[Leave], options: argparse.Namespace) -> list[Figure]:
    def each(name: str) -> list[float]:
        return [getattr(one, name) for one in leaves]

    told = [one.told_ms for one in leaves]
    return [
        _one("from SIGTERM until it is gone", each("took_s"), "s", bar=BAR_S),
        _one("its exit code", each("code"), "", bar=0.0),
        _one("sockets that were told", [len(ms) for ms in told], "", bar=float(options.sockets), better="higher"),
        _one("different times to come back", [len(set(ms)) for ms in told], "", better="higher"),
        _one("the last of these times", [max(ms, default=0) / 1e3 for ms in told], "s"),
        _one("everybody is back after", each("back_s"), "s"),
        _one("connections that were refused or failed", each("refused"), "", bar=0.0),
        _one("messages acknowledged", each("acked"), "", better="higher"),
        _one("lost, skipped or not as it was told", each("lost"), "", bar=0.0),
        _one("shown twice or out of order", each("repeated"), "", bar=0.0),
        _one("away from the room, p50", [percentile(one.away_ms, 0.5) for one in leaves], "ms"),
        _one("away from the room, worst", [max(one.away_ms) for one in leaves], "ms"),
        _one("acknowledged after, p50", [percentile(one.waits_ms, 0.5) for one in leaves], "ms"),
        _one("acknowledged after, p99", [percentile(one.waits_ms, 0.99) for one in leaves], "ms"),
        _one("acknowledged after, worst", [max(one.waits_ms) for one in leaves], "ms"),
    ]


def _one(
    name: str, values: Sequence[float], unit: str, *, bar: float | None = None, better: Better = "lower"
) -> Figure:
    return report.figure(QUESTION, name, values, unit, better=better, bar=bar)


def _round(options: argparse.Namespace) -> Leave:
    cluster = LocalCluster(flags=OPEN_LIMITS)
    try:
        cluster.start(2)
        return uvloop.run(leave(cluster, options))
    finally:
        cluster.stop()


def main(argv: list[str]) -> int:
    """0 if nothing was lost, repeated or out of order, whatever the other figures; else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench drain", description=__doc__)
    parser.add_argument("--sockets", type=int, default=2000)
    parser.add_argument("--rooms", type=int, default=200, help="all live on the node that is drained")
    parser.add_argument("--rate", type=float, default=400.0, help="messages a second, all together")
    parser.add_argument("--rounds", type=int, default=3, help="each with a new cluster")
    report.options(parser)
    options = parser.parse_args(argv)
    allow_many_files()
    leaves = [_round(options) for _ in range(options.rounds)]
    report.hand_over(figures(leaves, options), options.json)
    for one in leaves:
        print(f"refusals: {one.refusals}")
        for example in one.examples:
            print(f"  WRONG {example}")
    return int(any(one.lost or one.repeated for one in leaves))
