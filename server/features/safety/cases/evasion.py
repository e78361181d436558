"""Hints that a person has come back under another account: signals that it shares with accounts that are shut out.

A signal is a keyed digest of the range of addresses that a session began from, or of the device's cookie. Nothing
follows from a hint by itself: neighbours share addresses, families devices.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final, Literal

from server.features.safety.cases.shapes import HintShape, NamedPerson
from server.http.encryption import Encryption
from storage.ids import least_id
from storage.postgres import Database, Reads, Row

Kind = Literal["address", "device"]

COLLECT_S: Final = 60.0
PRUNE_S: Final = 3_600.0
LOOK_BACK: Final = timedelta(minutes=15)
MOST_SESSIONS: Final = 5_000
KEPT: Final = timedelta(days=90)
MOST_SIGNALS: Final = 50
"""Of one person that are compared, the newest."""
MOST_SHARING: Final = 20
"""People beside whom a signal still says something: more share a mobile network or a school."""
MOST_HINTS: Final = 20
MOST_PRUNED: Final = 20_000
_CONTEXT: Final = "evasion signals"
_KEY_BYTES: Final = 32

_SESSIONS: Final = """
select user_id, ip, device_key, created_at from auth_sessions
where id > $1 and (ip <> '' or device_key is not null) order by id desc limit $2
"""
_PUT: Final = """
insert into evasion_signals (person_id, kind, digest, seen_at)
select t.person_id, t.kind, t.digest, max(t.seen_at)
from unnest($1::uuid[], $2::text[], $3::bytea[], $4::timestamptz[]) as t (person_id, kind, digest, seen_at)
join users u on u.id = t.person_id group by 1, 2, 3
on conflict (person_id, kind, digest) do update set seen_at = greatest(evasion_signals.seen_at, excluded.seen_at)
"""
_PRUNE: Final = """
delete from evasion_signals where (person_id, kind, digest) in (
    select person_id, kind, digest from evasion_signals where seen_at < $1 order by seen_at limit $2)
"""
_HINTS: Final = """
select u.id, u.username, u.suspended_until, u.restricted_until,
    array_agg(distinct mine.kind order by mine.kind) as shares
from (select kind, digest from evasion_signals where person_id = $1 order by seen_at desc limit $3) mine
cross join lateral (
    select array_agg(person_id) as people from (
        select person_id from evasion_signals s where s.kind = mine.kind and s.digest = mine.digest limit $4 + 2) few) g
cross join unnest(g.people) as p (person_id)
join users u on u.id = p.person_id
where cardinality(g.people) <= $4 + 1 and u.id <> $1 and (u.suspended_until > $2 or u.restricted_until > $2)
group by u.id order by bool_or(mine.kind = 'device') desc, u.id limit $5
"""
_KEY: Final = "select sealed from evasion_key"
_ADD_KEY: Final = "insert into evasion_key (sealed) values ($1) on conflict do nothing"


class Evasion:
    def __init__(self, *, db: Database, encryption: Encryption, now: Callable[[], datetime]) -> None:
        self._db = db
        self._encryption = encryption
        self._now = now
        self._key = b""

    async def collect(self) -> None:
        """The signals of the sessions that began lately. It may be repeated."""
        since = least_id((self._now() - LOOK_BACK).timestamp())
        rows = await self._db.fetch(_SESSIONS, since, MOST_SESSIONS)
        if not rows:
            return
        key = await self._secret()
        found = [
            (row["user_id"], kind, digest, row["created_at"]) for row in rows for kind, digest in _signals(key, row)
        ]
        await self._db.execute(_PUT, *([one[at] for one in found] for at in range(4)))

    async def prune(self) -> None:
        await self._db.execute(_PRUNE, self._now() - KEPT, MOST_PRUNED)

    async def hints(self, reads: Reads, person_id: str | None) -> list[HintShape]:
        """Accounts that are shut out now and share a signal with this person; those that share a device come first."""
        if person_id is None:
            return []
        rows = await reads.fetch(_HINTS, person_id, self._now(), MOST_SIGNALS, MOST_SHARING, MOST_HINTS)
        return [_shape(row) for row in rows]

    async def _secret(self) -> bytes:
        """Made once for the cluster, and sealed as other secrets are."""
        if not self._key:
            fresh = await self._encryption.seal(os.urandom(_KEY_BYTES).hex(), context=_CONTEXT)
            await self._db.execute(_ADD_KEY, fresh)
            sealed = await self._db.fetchval(_KEY)
            self._key = bytes.fromhex(await self._encryption.open(bytes(sealed), context=_CONTEXT))
        return self._key


def range_of(address: str) -> str | None:
    """The network that an address is taken for: /24 of IPv4, /48 of IPv6; None for what says nothing."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    if mapped.is_loopback or mapped.is_unspecified:
        return None
    return str(ip_network(f"{mapped}/{24 if mapped.version == 4 else 48}", strict=False))


def _signals(key: bytes, row: Row) -> Sequence[tuple[Kind, bytes]]:
    found: list[tuple[Kind, bytes]] = []
    network = range_of(row["ip"])
    if network is not None:
        found.append(("address", _digest(key, "address", network.encode())))
    if row["device_key"] is not None:
        found.append(("device", _digest(key, "device", bytes(row["device_key"]))))
    return found


def _digest(key: bytes, kind: Kind, value: bytes) -> bytes:
    return hmac.digest(key, kind.encode() + b"\0" + value, "sha256")


def _shape(row: Row) -> HintShape:
    return HintShape(
        person=NamedPerson(id=row["id"], username=row["username"]),
        shares=row["shares"],
        suspended_until=row["suspended_until"],
        restricted_until=row["restricted_until"],
    )
