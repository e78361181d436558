"""How the index comes about and stays true: by facts, what is due, and from nothing."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, cast

from server.feature import NO_UUID
from server.features.discovery.search.index import Index, Kind
from server.features.discovery.search.sources import Source
from storage.postgres import Database, Transaction

BATCH: Final = 500
BATCH_BESIDE: Final = 50
"""Documents at a time beside everything else that a server does: they hold its loop up for a few ms."""
REST: Final = 3.0
"""So many times as long as a batch took the server does nothing for the index."""
BATCH_S: Final = 20.0
FILL_S: Final = 240.0
DUE: Final = 300

Progress = Callable[[Kind, int], None]
"""How many documents of a kind have been looked at."""


class Filling:
    def __init__(
        self,
        *,
        db: Database,
        index: Index,
        sources: Mapping[Kind, Source],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._db = db
        self._index = index
        self._sources = sources
        self._monotonic = monotonic
        self._sleep = sleep

    async def refresh(self, tx: Transaction, kind: Kind, ids: Sequence[str]) -> None:
        """Make these documents what their sources say; those that are no more go."""
        source = self._sources.get(kind)
        if source is None or not ids:
            return
        documents = await source.read(tx, ids)
        await self._index.put(tx, documents)
        there = {one.id for one in documents}
        await self._index.remove(tx, kind, [one for one in ids if one not in there])

    async def note(self, tx: Transaction, kind: Kind, ids: Sequence[str]) -> None:
        """Have them refreshed later, once for many changes."""
        await tx.execute(_NOTE, kind, sorted(ids))

    async def refresh_due(self) -> None:
        """A bounded number of those that were noted."""
        async with self._db.transaction(timeout_s=BATCH_S) as tx:
            due: defaultdict[str, list[str]] = defaultdict(list)
            for row in await tx.fetch(_TAKE_DUE, DUE):
                due[row["kind"]].append(row["id"])
            for kind, ids in sorted(due.items()):
                await self.refresh(tx, cast(Kind, kind), ids)

    async def fill(self) -> None:
        """Go on where the index was left unfinished, for ``FILL_S``, with a quarter of the loop's time; nothing when it
        is whole."""
        until = self._monotonic() + FILL_S
        for kind in self._sources:
            while (began := self._monotonic()) < until and await self._step(kind, BATCH_BESIDE):
                await self._sleep((self._monotonic() - began) * REST)

    async def rebuild(self, progress: Progress) -> None:
        """Make the index anew. Searches find less until it is whole; what changes meanwhile is in it."""
        async with self._db.transaction(timeout_s=BATCH_S) as tx:
            await tx.execute("truncate search_documents, search_words, search_names, search_due, search_filling")
        for kind in self._sources:
            seen = 0
            while count := await self._step(kind, BATCH):
                seen += count
                progress(kind, seen)

    async def _step(self, kind: Kind, most: int) -> int:
        """The next documents of a kind; how many, 0 when it is done."""
        async with self._db.transaction(timeout_s=BATCH_S) as tx:
            await tx.execute(_BEGIN, kind, NO_UUID)
            row = await tx.fetchrow(_AT, kind)
            if row is None or row["is_done"]:
                return 0
            ids = await self._sources[kind].after(tx, row["after_id"], most)
            await self.refresh(tx, kind, ids)
            await tx.execute(_MOVE, kind, ids[-1] if ids else row["after_id"], len(ids) < most)
            return len(ids)


def filling_of(db: Database, sources: Mapping[Kind, Source]) -> Filling:
    return Filling(db=db, index=Index(), sources=sources, monotonic=time.monotonic, sleep=asyncio.sleep)


_NOTE: Final = "insert into search_due (kind, id) select $1, unnest($2::uuid[]) on conflict do nothing"
_TAKE_DUE: Final = """
delete from search_due where (kind, id) in (
    select kind, id from search_due order by kind, id limit $1 for update skip locked) returning kind, id
"""
_BEGIN: Final = "insert into search_filling (kind, after_id) values ($1, $2) on conflict do nothing"
_AT: Final = "select after_id, is_done from search_filling where kind = $1 for update"
_MOVE: Final = "update search_filling set after_id = $2, is_done = $3 where kind = $1"
