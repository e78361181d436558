"""The audit log as a hash chain: who changes, adds or takes away an entry behind the server's back is found out.

Each entry's hash is SHA-256 over the hash before it and over what stays of the entry. An entry is chained after its
transaction has committed, so that transactions do not wait for each other; the row ``audit_head`` is the lock, and
tells how long the chain is. What an entry says of people lies in ``audit_details``, of which the entry has a salted
hash: it is erased with the person, and the chain still holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from storage.postgres import Database, Row, Transaction

BATCH: Final = 500
FIRST_HASH: Final = bytes(32)

_HEAD: Final = "select position, hash, entry_id from audit_head"
_LOCK: Final = f"{_HEAD} for update"
_UNCHAINED: Final = "select id, at, actor_id, action, subject, detail_hash from audit_log where hash is null \
order by id limit $1"
_CHAIN: Final = """
update audit_log a set position = v.position, previous_hash = v.previous_hash, hash = v.hash
from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) v (id, position, previous_hash, hash) where a.id = v.id
"""
_MOVE: Final = "update audit_head set position = $1, hash = $2, entry_id = $3"
_PAGE: Final = """
select a.id, a.at, a.actor_id, a.action, a.subject, a.detail, a.detail_hash, a.position, a.previous_hash, a.hash,
       d.body, d.salt
from audit_log a left join audit_details d on d.entry_id = a.id
where a.position > $1 order by a.position limit $2
"""
_WIPED: Final = "select subject from audit_log where action = 'account.deleted' and subject = any($1)"
_ERASE: Final = """
delete from audit_details d using audit_log a
where a.id = d.entry_id and (a.actor_id = $1::uuid or a.subject = $1::text)
"""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """``entries``: how many the chain has. ``first_invalid``: the id of the first entry that does not fit."""

    entries: int
    first_invalid: str | None = None

    @property
    def valid(self) -> bool:
        return self.first_invalid is None


class AuditChain:
    """``chain`` and ``verify`` may run on any number of nodes at once."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def chain(self) -> None:
        """Chain all entries that are committed."""
        while await self._chain_batch() == BATCH:
            pass

    async def _chain_batch(self) -> int:
        async with self._db.transaction() as tx:
            head = await tx.fetchrow(_LOCK)
            rows = await tx.fetch(_UNCHAINED, BATCH)
            if head is not None and rows:
                await _append(tx, head, rows)
        return len(rows)

    async def verify(self) -> Verdict:
        """Chain what is not chained yet, then look at every entry: some seconds for a million."""
        await self.chain()
        head = await self._db.fetchrow(_HEAD)
        check = _Check()
        while rows := await self._db.fetch(_PAGE, check.position, BATCH):
            wiped = await self._wiped(rows)
            for row in rows:
                if not check.take(row, wiped):
                    return Verdict(entries=check.position, first_invalid=row["id"])
        is_whole = head is not None and check.reaches(head)
        return Verdict(entries=check.position, first_invalid=None if is_whole else _last(head))

    async def _wiped(self, rows: Iterable[Row]) -> frozenset[str]:
        """Of the people that entries without details name, those whose accounts were wiped."""
        named = {str(name) for row in rows if row["body"] is None for name in _names(row)}
        if not named:
            return frozenset()
        return frozenset(row["subject"] for row in await self._db.fetch(_WIPED, sorted(named)))


class _Check:
    """How far the chain holds. Pure."""

    def __init__(self) -> None:
        self.position = 0
        self._hash = FIRST_HASH
        self._hash_at_head: bytes | None = None

    def take(self, row: Row, wiped: frozenset[str]) -> bool:
        """Whether the row is what comes next."""
        is_next = (
            row["position"] == self.position + 1
            and row["previous_hash"] == self._hash
            and row["hash"] == entry_hash(self._hash, row["position"], row)
            and row["detail"] == {}
            and _has_its_details(row, wiped)
        )
        if is_next:
            self.position, self._hash = row["position"], row["hash"]
        return is_next

    def reaches(self, head: Row) -> bool:
        """Whether nothing is missing at the end. The chain may have grown since ``head`` was read."""
        return self.position > head["position"] or (self.position, self._hash) == (head["position"], head["hash"])


def entry_hash(previous: bytes, position: int, row: Row) -> bytes:
    """Of an entry behind the one of hash ``previous``: all that stays of it, unambiguously, as JSON."""
    kept: Sequence[Any] = (
        position,
        row["id"],
        row["at"].isoformat(timespec="microseconds"),
        row["actor_id"],
        row["action"],
        row["subject"],
        row["detail_hash"].hex(),
    )
    return hashlib.sha256(previous + msgspec.json.encode(kept)).digest()


async def erase(tx: Transaction, person_id: str) -> None:
    """Take away what entries say of a person whose account is being wiped; the entries stay."""
    await tx.execute(_ERASE, person_id)


async def _append(tx: Transaction, head: Row, rows: Sequence[Row]) -> None:
    position, before = head["position"], head["hash"]
    hashes: list[bytes] = []
    for number, row in enumerate(rows, position + 1):
        hashes.append(entry_hash(hashes[-1] if hashes else before, number, row))
    positions = list(range(position + 1, position + 1 + len(rows)))
    await tx.execute(_CHAIN, [row["id"] for row in rows], positions, [before, *hashes[:-1]], hashes)
    await tx.execute(_MOVE, positions[-1], hashes[-1], rows[-1]["id"])


def _has_its_details(row: Row, wiped: frozenset[str]) -> bool:
    if row["body"] is None:
        return not wiped.isdisjoint(_names(row))
    return bool(hashlib.sha256(row["salt"] + row["body"].encode()).digest() == row["detail_hash"])


def _names(row: Row) -> set[str]:
    return {str(row["actor_id"]), row["subject"]}


def _last(head: Row | None) -> str:
    """What is told of a chain whose end is missing."""
    return str(head["entry_id"]) if head is not None and head["entry_id"] else "00000000-0000-0000-0000-000000000000"
