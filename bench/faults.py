"""What can happen to a cluster of three nodes while clients talk in many rooms."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections import Counter
from typing import Final

from bench.chat_clients import Acked
from bench.clients import percentile
from bench.fault_run import BEFORE_S, FaultRun, Happening

NEXT_VERSION: Final = "tests.cluster.next_version"


async def calm(fault_run: FaultRun, options: argparse.Namespace) -> None:
    await fault_run.until_shared()
    began = fault_run.now
    await asyncio.sleep(options.calm_s)
    found = Happening("calm", began, fault_run.now)
    names = [node.name for node in fault_run.slots]

    def is_local(ack: Acked) -> bool:
        return fault_run.owners[ack.room] == names[ack.home]

    acks = [ack for ack in fault_run.notes.acks if ack.asked_at >= began]
    for name, held in (("local", True), ("remote", False)):
        waits = [(ack.at - ack.asked_at) * 1000 for ack in acks if is_local(ack) is held]
        found.details |= {f"{name} p50 ms": percentile(waits, 0.5), f"{name} p99 ms": percentile(waits, 0.99)}
    found.details["messages/s"] = len(acks) / (fault_run.now - began)
    fault_run.happenings.append(found)
    fault_run.memory = {node.number: node.memory_bytes() for node in fault_run.slots}
    print(f"{'calm':<28} {found.summary}", flush=True)


async def kill(fault_run: FaultRun, _: argparse.Namespace) -> None:
    slot = fault_run.turn()
    await fault_run.look()
    node = fault_run.slots[slot]
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("kill -9 of a node") as found:
        node.kill()
        found.silences_s = await fault_run.silences(struck, found.began)
    await join(fault_run, slot)


async def join(fault_run: FaultRun, slot: int) -> None:
    await fault_run.look()
    before = dict(fault_run.owners)
    async with fault_run.happening("a node joins") as found:
        await fault_run.start_again(slot)
        moved = {number for number, owner in fault_run.owners.items() if owner != before[number]}
        waits = fault_run.waits_ms(found.began, fault_run.now, moved)
        worst = fault_run.worst_ms(found.began, fault_run.now, moved)
        calm_before = fault_run.waits_ms(found.began - BEFORE_S, found.began)
        found.details = {
            "rooms moved": len(moved), "p99 ms of theirs": percentile(waits, 0.99),
            "p99 ms of each one's worst": percentile(worst, 0.99), "worst ms": max(waits, default=0.0),
            "p99 ms just before": percentile(calm_before, 0.99),
        }  # fmt: skip


async def freeze(fault_run: FaultRun, options: argparse.Namespace) -> None:
    node = fault_run.slots[fault_run.turn()]
    await fault_run.look()
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("a node frozen") as found:
        node.signal(signal.SIGSTOP)
        fault_run.shut.add(node)
        try:
            found.silences_s = await fault_run.silences(struck, found.began)
            await asyncio.sleep(max(0.0, found.began + options.freeze_s - fault_run.now))
        finally:
            node.signal(signal.SIGCONT)
        fault_run.shut.discard(node)
    await fault_run.until_shared()


async def redis_frozen(fault_run: FaultRun, options: argparse.Namespace) -> None:
    await fault_run.look()
    names = [node.name for node in fault_run.slots]
    reconnects = fault_run.notes.reconnects
    before = {node.number: node.memory_bytes() for node in fault_run.slots}
    async with fault_run.happening("Redis frozen") as found:
        fault_run.cluster.freeze_redis()
        try:
            most = await _most_memory(fault_run, options.redis_s)
        finally:
            fault_run.cluster.resume_redis()
        found.ended = fault_run.now
        local = [
            ack
            for ack in fault_run.notes.acks
            if ack.at >= found.began and fault_run.owners[ack.room] == names[ack.home]
        ]
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
        found.details = {
            "local messages/s meanwhile": len(local) / options.redis_s,
            "MB more of a node": max(most[number] - before[number] for number in before) / 1e6,
            "% reconnected": (fault_run.notes.reconnects - reconnects) / len(fault_run.chat_clients) * 100,
        }
    await fault_run.until_shared()


async def _most_memory(fault_run: FaultRun, seconds: float) -> dict[int, int]:
    most: dict[int, int] = {}
    deadline = fault_run.now + seconds
    while fault_run.now < deadline:
        for node in fault_run.slots:
            most[node.number] = max(most.get(node.number, 0), node.memory_bytes())
        await asyncio.sleep(0.25)
    return most


async def redis_lost(fault_run: FaultRun, _: argparse.Namespace) -> None:
    async with fault_run.happening("Redis killed, data lost") as found:
        fault_run.cluster.kill_redis()
        await asyncio.sleep(3.0)
        await asyncio.to_thread(fault_run.cluster.start_redis)
        found.ended = fault_run.now
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
    await fault_run.until_shared()


async def storm(fault_run: FaultRun, _: argparse.Namespace) -> None:
    async with fault_run.happening("Postgres killed") as found:
        fault_run.cluster.kill_postgres()
        await asyncio.to_thread(fault_run.cluster.start_postgres)
        found.ended = fault_run.now
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)


async def drain(fault_run: FaultRun, _: argparse.Namespace) -> None:
    slot = fault_run.turn()
    node = fault_run.slots[slot]
    await fault_run.look()
    struck = fault_run.rooms_of(node)
    async with fault_run.happening("a node drained") as found:
        node.signal(signal.SIGTERM)
        fault_run.shut.add(node)
        code = await asyncio.to_thread(node.end, within_s=40.0)
        found.ended = fault_run.now
        waits = fault_run.waits_ms(found.began, found.ended, struck)
        found.details = {
            "s until it was gone": found.ended - found.began, "exit code": code,
            "p99 ms in its rooms": percentile(waits, 0.99), "worst ms": max(waits, default=0.0),
        }  # fmt: skip
    await join(fault_run, slot)


async def upgrade(fault_run: FaultRun, _: argparse.Namespace) -> None:
    """One node after the other drains and makes place for one of the next version, which the tests have."""
    refusals, reconnects = fault_run.notes.refusals.total(), fault_run.notes.reconnects
    fault_run.program = NEXT_VERSION
    async with fault_run.happening("a rolling upgrade") as found:
        for slot, node in enumerate(list(fault_run.slots)):
            node.signal(signal.SIGTERM)
            fault_run.shut.add(node)
            await asyncio.to_thread(node.end, within_s=40.0)
            await fault_run.start_again(slot)
        found.ended = fault_run.now
        waits = fault_run.waits_ms(found.began, found.ended)
        found.details = {
            "p99 ms": percentile(waits, 0.99), "worst ms": max(waits, default=0.0), "messages": len(waits),
            "refused at first": fault_run.notes.refusals.total() - refusals,
            "reconnects a person": (fault_run.notes.reconnects - reconnects) / len(fault_run.chat_clients),
        }  # fmt: skip


async def disk_full(fault_run: FaultRun, options: argparse.Namespace) -> None:
    """That of Postgres and of the nodes' folder: at first rows find no room, and then Postgres' own log does not."""
    await _disk_full(fault_run, options, "the disk full", ends_postgres=False)
    await _disk_full(fault_run, options, "the disk full, Postgres ended", ends_postgres=True)


async def _disk_full(fault_run: FaultRun, options: argparse.Namespace, name: str, *, ends_postgres: bool) -> None:
    refusals = Counter(fault_run.notes.refusals)
    async with fault_run.happening(name) as found:
        await asyncio.to_thread(fault_run.cluster.fill_disk)
        await fault_run.until(lambda: fault_run.notes.refusals != refusals, what="a refusal")
        refused_at = fault_run.now
        if ends_postgres:
            await fault_run.use_up_log()
        await asyncio.sleep(options.disk_s)
        acked = sum(ack.tried_at >= refused_at for ack in fault_run.notes.acks)
        has_ended = not fault_run.cluster.has_postgres
        fault_run.cluster.free_disk()
        found.ended = fault_run.now
        if has_ended:
            await asyncio.to_thread(fault_run.cluster.start_postgres)
        found.silences_s = await fault_run.silences(range(len(fault_run.rooms)), found.ended)
        others = fault_run.notes.refusals - refusals
        found.details = {
            "acknowledged meanwhile": acked, "refused": others.total(),
            "refused otherwise than unavailable": others.total() - others["unavailable"],
            "Postgres ended": float(has_ended),
        }  # fmt: skip


FAULTS: Final = {
    "kill": kill, "freeze": freeze, "redis-frozen": redis_frozen, "redis-lost": redis_lost, "storm": storm,
    "drain": drain, "upgrade": upgrade,
}  # fmt: skip
ON_A_SMALL_DISK: Final = {"disk-full": disk_full}
"""In a town of its own, whose disk is memory."""
