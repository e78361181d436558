"""The job that looks through all objects: which rules the store carries out, what no row names, and what of that goes.

A folder is removed only when it was found to be left over on one night and still is when its days are over: nothing
that a row names is ever deleted. Kinds of folders that are not known here are counted and left alone.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from server.features.operations.objects import queries
from server.jobs import Attempt, Job, Schedule
from server.jobs.kinds import Nothing
from storage.doomed import doom
from storage.ids import is_uuid
from storage.objects import ObjectStore
from storage.objects.lifecycle import ClassRule
from storage.postgres import Database, Transaction

EVERY_NIGHT: Final = "17 4 * * *"
TIMEOUT_S: Final = 6 * 3_600.0
BATCH: Final = 500
GB: Final = 1_000_000_000
REMOVED_AT_ONCE: Final = 50

log = logging.getLogger("server.objects")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """0: no limit."""

    days: int
    bytes: int


class Folder(msgspec.Struct):
    kind: str
    id: str
    objects: int = 0
    bytes: int = 0

    @property
    def prefix(self) -> str:
        return f"{self.kind}/{self.id}/"


class Leftovers:
    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        now: Callable[[], dt.datetime],
        rules: Sequence[ClassRule],
        unfinished_days: int,
        limits: Limits,
    ) -> None:
        self._db = db
        self._objects = objects
        self._now = now
        self._rules = rules
        self._unfinished_days = unfinished_days
        self._limits = limits
        self.job = Job(name="objects.look", body=Nothing, run=self._run, timeout_s=TIMEOUT_S, tries=3, at_once=1)
        self.schedule = Schedule(name="objects.look", job=self.job, cron=EVERY_NIGHT)

    async def _run(self, attempt: Attempt[Nothing]) -> None:
        began = self._now()
        is_written = await self._objects.set_lifecycle(self._rules, unfinished_days=self._unfinished_days)
        moved = 0 if is_written else await self._objects.move_classes(self._rules, now=began)
        kinds = await self._look(began, attempt)
        async with self._db.transaction() as tx:
            await tx.execute(queries.FORGET_UNSEEN, began)
            await tx.execute(queries.SCANNED, began, kinds, is_written, moved)
        await self.remove_due()

    async def _look(self, at: dt.datetime, attempt: Attempt[Nothing]) -> list[dict[str, object]]:
        """What there is of each kind; what no row names is written down."""
        kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        held: list[Folder] = []
        async for folder in _folders(self._objects.listed()):
            kinds[folder.kind][0] += folder.objects
            kinds[folder.kind][1] += folder.bytes
            held.append(folder)
            if len(held) >= BATCH:
                await self._note(held, at)
                await attempt.progress(0.5, folder.prefix)
                held = []
        await self._note(held, at)
        return [{"kind": kind, "objects": found[0], "bytes": found[1]} for kind, found in sorted(kinds.items())]

    async def _note(self, folders: Sequence[Folder], at: dt.datetime) -> None:
        unnamed: set[tuple[str, str]] = set()
        for kind in queries.KINDS:
            ids = [folder.id for folder in folders if folder.kind == kind]
            unnamed |= {(kind, row["id"]) for row in await self._db.fetch(queries.UNNAMED[kind], ids)} if ids else set()
        found = [folder for folder in folders if (folder.kind, folder.id) in unnamed]
        if not found:
            return
        columns = [[getattr(folder, name) for folder in found] for name in ("prefix", "objects", "bytes")]
        await self._db.execute(queries.FOUND, *columns, at)

    async def remove_due(self) -> int:
        """Have those deleted whose time is over, and that no row names even now; how many folders."""
        removed = 0
        while True:
            async with self._db.transaction() as tx:
                due = await tx.fetch(queries.DUE, self._limits.bytes, self._limits.days, self._now(), REMOVED_AT_ONCE)
                for row in due:
                    removed += await self._remove(tx, row["prefix"])
            if not due:
                return removed

    async def _remove(self, tx: Transaction, prefix: str) -> bool:
        kind, folder_id, _ = prefix.split("/")
        await tx.execute(queries.FORGET, prefix)
        if not await tx.fetch(queries.UNNAMED[kind], [folder_id]):
            return False
        log.info("%s: no row names it: it is deleted", prefix)
        await doom(tx, prefix)
        return True


async def _folders(listed: AsyncIterator[tuple[str, int]]) -> AsyncIterator[Folder]:
    """What lies under each ``kind/id/``, where the id is one; all else of a kind, as it comes, under no id."""
    held: Folder | None = None
    async for key, size in listed:
        kind, _, rest = key.partition("/")
        folder_id = rest.partition("/")[0]
        known = folder_id if kind in queries.KINDS and is_uuid(folder_id) else ""
        if held is None or (held.kind, held.id) != (kind, known):
            if held is not None:
                yield held
            held = Folder(kind, known)
        held.objects += 1
        held.bytes += size
    if held is not None:
        yield held
