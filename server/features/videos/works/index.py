"""The index of works: hash → work and time, in Postgres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from media.fingerprints.alignment import LEAST_PICTURES, LEAST_SOUNDS, MAX_DIFFERENT, Hit
from media.fingerprints.messages import Hash, Kind
from storage.postgres import Reads, Transaction

TABLES: Final[Mapping[Kind, str]] = {"audio": "work_sounds", "video": "work_frames"}
LEAST: Final[Mapping[Kind, int]] = {"audio": LEAST_SOUNDS, "video": LEAST_PICTURES}
A_VALUE: Final = 100
"""Rows that are read of one value: what more works have in common says nothing."""
MAX_HITS: Final = 20_000
LINE_MS: Final = 800
"""Further than what 5% of speed moves the times of a window."""
BATCH: Final = 10_000


async def add_hashes(tx: Transaction, kind: Kind, work: int, hashes: Sequence[Hash]) -> None:
    """Rows that are there already stay."""
    for at in range(0, len(hashes), BATCH):
        part = hashes[at : at + BATCH]
        await tx.execute(_ADD[kind], work, *([each[place] for each in part] for place in range(4)))


async def look_up(reads: Reads, kind: Kind, hashes: Sequence[Hash]) -> dict[int, list[Hit]]:
    """Work's number → hits of the works that have enough of them near one line. ``hashes``: of one window."""
    columns = ([each[place] for each in hashes] for place in range(4))
    rows = await reads.fetch(_LOOK_UP[kind], *columns, MAX_DIFFERENT, LEAST[kind], MAX_HITS)
    found: dict[int, list[Hit]] = defaultdict(list)
    for row in rows:
        found[row["work"]].append(Hit(row["ms"], row["work_ms"], row["turn"]))
    return found


_ADD: Final = {
    kind: f"""
insert into {table} (value, work, ms, turn, detail)
select t.value, $1, t.ms, t.turn, t.detail
from unnest($2::int[], $3::int[], $4::smallint[], $5::int[]) as t (value, ms, turn, detail)
on conflict do nothing
"""
    for kind, table in TABLES.items()
}
_LOOK_UP: Final = {
    kind: f"""
with hits as materialized (
    select h.work, a.ms, h.ms as work_ms, a.turn - h.turn as turn, round((h.ms - a.ms) / {LINE_MS}.0) as line
    from unnest($1::int[], $2::int[], $3::smallint[], $4::int[]) as a (value, ms, turn, detail)
        cross join lateral (
            select work, ms, turn, detail from {table} i where i.value = a.value limit {A_VALUE}) h
    where bit_count((h.detail # a.detail)::bit(32)) <= $5),
lines as (select work, line from hits group by work, line having count(distinct ms) >= greatest($6 / 2, 2))
select distinct h.work, h.ms, h.work_ms, h.turn from hits h
where exists (select from lines l where l.work = h.work and l.line between h.line - 1 and h.line + 1)
limit $7
"""
    for kind, table in TABLES.items()
}
