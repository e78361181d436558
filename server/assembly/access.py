"""Who may see what, and what ends when that changes: one memory of rights a node, and all that obeys it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from server.assembly.cluster import ClusterPlace
from server.assembly.storage import Storage
from server.http.identity import Identity
from server.lifecycle import Stages
from server.live.addresses import MediaAddresses
from server.live.departure import Departure
from server.live.rights import Rights
from server.live.viewings import Viewings
from storage.leases import Leases
from storage.rights import RightsTable


@dataclass(frozen=True, kw_only=True)
class Access:
    identity: Identity
    table: RightsTable
    rights: Rights
    addresses: MediaAddresses
    viewings: Viewings
    departure: Departure


async def open_access(storage: Storage, place: ClusterPlace, stages: Stages) -> Access:
    """Raises ``Unavailable``."""
    identity = Identity(rows=storage.db)
    await identity.start()
    stages.add("identity", identity.close)
    table = RightsTable(db=storage.db)
    rights = Rights(rows=table, now=now)
    stages.add("rights", rights.close)
    viewings = Viewings()
    identity.on_revoked(viewings.end_session)
    return Access(
        identity=identity,
        table=table,
        rights=rights,
        addresses=MediaAddresses(seals=identity),
        viewings=viewings,
        departure=Departure(streams=storage.streams, node=place.node, fence=Leases(db=storage.db).fence_of, now=now),
    )


def now() -> datetime:
    return datetime.now(UTC)
