"""`python -m bench failover`: what becomes of a cluster under fire: what clients are acknowledged and shown, how soon.

Three nodes as processes on one Postgres and one Redis; people in many rooms who talk all the time while nodes are
killed, frozen, drained, added and replaced by the next version's, engines are frozen and killed, and the disk is full.
Each client notes what it was acknowledged and shown, and at the end it is compared with the database. A plot
shows the deliveries around each happening. Run from the project's folder: the next version lives with the tests.

``--full`` is the long run: 2,000 sockets, 2,000 messages a second, a kill every 10 s for 5 minutes, a frozen node for
15 s, a frozen Redis for 20 s, Postgres killed 50 times, a rolling upgrade, a full disk for 15 s.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import report
from bench.app import OPEN_LIMITS
from bench.chat_clients import SLICE_S, Notes, RoomCopy
from bench.clients import allow_many_files
from bench.cluster import LocalCluster, NoSmallDisk
from bench.fault_run import AFTER_S, BEFORE_S, NODES, FaultRun, Happening
from bench.faults import FAULTS, ON_A_SMALL_DISK, calm
from bench.timeline import Strip, draw
from storage.postgres import Database

QUESTION: Final = "failover"
RESULTS: Final = Path(__file__).parent / "results"
EVERY_FAULT: Final = FAULTS | ON_A_SMALL_DISK
FULL: Final = {
    "sockets": 2000, "rooms": 300, "rate": 2000.0, "kills": 30, "freeze_s": 15.0, "redis_s": 20.0, "storms": 50,
    "disk_s": 15.0,
}  # fmt: skip
DISK_BYTES: Final = 768 * 1024 * 1024
REPEATED: Final = "repeated or out of order"


# ---------------------------------------------------------------------------------------------------- the reckoning


async def compare(fault_run: FaultRun) -> None:
    """Compares what clients were acknowledged and shown with the database: ``fault_run.notes.wrongs``."""
    for chat_client in fault_run.chat_clients:
        chat_client.hush()
    await fault_run.until(
        lambda: all(chat_client.is_done for chat_client in fault_run.chat_clients), what="the last acknowledgement"
    )
    db = await Database.connect(fault_run.cluster.database_url, max_connections=1)
    try:
        for room in fault_run.rooms:
            rows = await db.fetch(
                'select id::text, "offset", client_id from chat_messages where room_id = $1 order by "offset"', room.id
            )
            await _until_shown(fault_run, room, len(rows))
            _compare(fault_run, room, rows)
    finally:
        await db.close()


async def _until_shown(fault_run: FaultRun, room: RoomCopy, offset: int) -> None:
    here = [chat_client for chat_client in fault_run.chat_clients if chat_client.room is room]
    with contextlib.suppress(RuntimeError):
        await fault_run.until(lambda: all(chat_client.offset >= offset for chat_client in here), within_s=15)
    for chat_client in here:
        if chat_client.offset != offset:
            fault_run.notes.wrong("never shown", f"{room.id}: {chat_client.offset} of {offset}")


def _compare(fault_run: FaultRun, room: RoomCopy, rows: Sequence[Any]) -> None:
    if [row["offset"] for row in rows] != list(range(1, len(rows) + 1)):
        fault_run.notes.wrong("log with holes", room.id)
    logged = {row["client_id"]: row["offset"] for row in rows}
    for client_id, offset in room.acked.items():
        if logged.get(client_id) != offset:
            fault_run.notes.wrong("acknowledged and lost", f"{room.id}: {client_id} {offset} {logged.get(client_id)}")
    ids = {row["offset"]: row["id"] for row in rows}
    for offset, found in room.ids.items():
        if ids.get(offset) != found:
            fault_run.notes.wrong("shown and not in the log", f"{room.id}: {offset}")


def figures(fault_runs: Sequence[FaultRun]) -> list[report.Figure]:
    wrongs = sum((fault_run.notes.wrongs for fault_run in fault_runs), Counter[str]())
    acked = sum(len(room.acked) for fault_run in fault_runs for room in fault_run.rooms)
    happenings = [one for fault_run in fault_runs for one in fault_run.happenings]
    found = [
        _one("messages acknowledged", [acked], "", better="higher"),
        _one("lost, skipped or not as it was told", [wrongs.total() - wrongs[REPEATED]], "", bar=0.0),
        _one("shown twice or out of order", [wrongs[REPEATED]], "", bar=0.0),
    ]
    for name, median_bar, worst_bar in (
        ("kill -9 of a node", 2.0, 4.0), ("a node frozen", None, None), ("Redis frozen", None, None),
        ("Redis killed, data lost", None, None), ("Postgres killed", None, 2.0), ("the disk full", None, 2.0),
        ("the disk full, Postgres ended", None, 2.0),
    ):  # fmt: skip
        silences = [value for one in happenings if one.name == name for value in one.silences_s]
        if silences:
            found.append(_one(f"{name}: a room answers again", silences, "s", bar=median_bar))
            found.append(_one(f"{name}: the last room", [max(silences)], "s", bar=worst_bar))
    grown = [value for fault_run in fault_runs for value in fault_run.grown_mb]
    if grown:
        found.append(_one("memory of a node that stayed, grown by", grown, "MB"))
    return [*found, *_details(happenings)]


def _details(happenings: Sequence[Happening]) -> list[report.Figure]:
    found = []
    for happening, detail, unit, bar in (
        ("calm", "local p50 ms", "ms", None), ("calm", "local p99 ms", "ms", None),
        ("calm", "remote p50 ms", "ms", None), ("calm", "remote p99 ms", "ms", None),
        ("a node joins", "rooms moved", "", None), ("a node joins", "p99 ms of theirs", "ms", 250.0),
        ("a node joins", "p99 ms of each one's worst", "ms", 250.0), ("a node joins", "worst ms", "ms", None),
        ("Redis frozen", "MB more of a node", "MB", 100.0),
        ("Redis frozen", "% reconnected", "%", 5.0), ("a node drained", "s until it was gone", "s", 10.0),
        ("a node drained", "worst ms", "ms", None), ("a rolling upgrade", "p99 ms", "ms", None),
        ("a rolling upgrade", "worst ms", "ms", None), ("a rolling upgrade", "reconnects a person", "", None),
        ("the disk full", "refused otherwise than unavailable", "", 0.0),
        ("the disk full, Postgres ended", "acknowledged meanwhile", "", None),
        ("the disk full, Postgres ended", "refused otherwise than unavailable", "", 0.0),
    ):  # fmt: skip
        values = [one.details[detail] for one in happenings if one.name == happening and detail in one.details]
        values = [value for value in values if math.isfinite(value)]
        if values:
            found.append(_one(f"{happening}: {detail.removesuffix(' ' + unit)}", values, unit, bar=bar))
    return found


def _one(
    name: str, values: Sequence[float], unit: str, *, bar: float | None = None, better: report.Better = "lower"
) -> report.Figure:
    return report.figure(QUESTION, name, values, unit, better=better, bar=bar)


def plot(fault_runs: Sequence[FaultRun], file: Path) -> None:
    """The first happening of each kind."""
    strips: dict[str, Strip] = {}
    for fault_run in fault_runs:
        for one in fault_run.happenings:
            if one.name != "calm" and one.name not in strips:
                strips[one.name] = _strip(fault_run.notes, one)
    people = f"{len(fault_runs[0].chat_clients)} sockets in {len(fault_runs[0].rooms)} rooms on {NODES} nodes"
    draw(file, title=f"Messages shown a second, {people}", unit="messages shown a second", strips=list(strips.values()))


def _strip(notes: Notes, one: Happening) -> Strip:
    first = int((one.began - BEFORE_S - notes.began) / SLICE_S)
    last = int((one.ended + AFTER_S - notes.began) / SLICE_S)
    width = 3
    points = [
        (
            notes.began + slot * SLICE_S - one.began,
            sum(notes.deliveries[slot - turn] for turn in range(width)) / width / SLICE_S,
        )
        for slot in range(first, last)
    ]
    return Strip(one.name, one.ended - one.began, points)


# -------------------------------------------------------------------------------------------------------- the command


def _under_fire(options: argparse.Namespace) -> Iterator[FaultRun]:
    """A world for the faults that happen one after the other, and one for each that needs a small disk."""
    alone = [[name] for name in options.faults if name in ON_A_SMALL_DISK]
    together = [name for name in options.faults if name in FAULTS]
    for faults in [together, *alone] if together else alone:
        try:
            cluster = LocalCluster(flags=OPEN_LIMITS, disk_bytes=0 if faults is together else DISK_BYTES)
        except NoSmallDisk as error:
            print(f"{', '.join(faults)}: left out, since no disk of a chosen size can be had: {error}", flush=True)
            continue
        try:
            cluster.start(NODES)
            yield uvloop.run(_run(cluster, options, faults))
        finally:
            cluster.stop()


async def _run(cluster: LocalCluster, options: argparse.Namespace, faults: Sequence[str]) -> FaultRun:
    fault_run = FaultRun(cluster, options)
    fault_run.settle()
    await fault_run.come_in()
    renewing = asyncio.create_task(fault_run.renew(), name="renew tokens")
    times = {"kill": options.kills, "storm": options.storms}
    try:
        await calm(fault_run, options)
        for name in faults:
            for _ in range(times.get(name, 1)):
                await EVERY_FAULT[name](fault_run, options)
        await compare(fault_run)
    finally:
        renewing.cancel()
        for chat_client in fault_run.chat_clients:
            chat_client.close()
    fault_run.weigh()
    return fault_run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench failover", description=__doc__)
    parser.add_argument("--sockets", type=int, default=300)
    parser.add_argument("--rooms", type=int, default=60)
    parser.add_argument("--rate", type=float, default=150.0, help="messages a second, all together")
    parser.add_argument("--calm-s", type=float, default=4.0, help="seconds that are measured before the first fault")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--storms", type=int, default=2, help="how often Postgres is killed")
    parser.add_argument("--freeze-s", type=float, default=4.0)
    parser.add_argument("--redis-s", type=float, default=5.0, help="how long Redis is frozen")
    parser.add_argument("--disk-s", type=float, default=5.0, help="how long the disk is full once a write was refused")
    parser.add_argument("--faults", type=_names, default=list(EVERY_FAULT), metavar="A,B", help=", ".join(EVERY_FAULT))
    parser.add_argument("--full", action="store_true", help="the long run, about 20 minutes")
    parser.add_argument("--plot", type=Path, default=RESULTS / "failover.svg", metavar="FILE")
    report.options(parser)
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := set(names) - EVERY_FAULT.keys():
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(sorted(unknown))}")
    return names


def main(argv: Sequence[str]) -> int:
    """0 if nothing was lost, repeated or out of order, whatever the other figures; else 1."""
    options = _parser().parse_args(argv)
    if options.full:
        for name, value in FULL.items():
            setattr(options, name, value)
    allow_many_files()
    began = time.monotonic()
    fault_runs = list(_under_fire(options))
    if not fault_runs:
        return 0
    plot(fault_runs, options.plot)
    faults = sum(len(fault_run.happenings) - 1 for fault_run in fault_runs)
    head = f"{faults} faults in {time.monotonic() - began:.0f} s; plot: {options.plot}"
    report.hand_over(figures(fault_runs), options.json, head=head)
    for fault_run in fault_runs:
        print(f"refusals: {dict(fault_run.notes.refusals)}; reconnects: {fault_run.notes.reconnects}")
        for example in fault_run.notes.examples:
            print(f"  WRONG {example}")
    return int(any(fault_run.notes.wrongs for fault_run in fault_runs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
