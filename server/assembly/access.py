"""Who may see what, what ends when that changes, and what there is to see: one memory of each a node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from server.assembly.cluster import ClusterPlace
from server.assembly.storage import Storage
from server.http.identity import Identity
from server.lifecycle import Stages
from server.live.addresses import MediaAddresses
from server.live.departure import Departure
from server.live.footage import FootageFinder
from server.live.playback import Playback
from server.live.pull import Pull
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
    playback: Playback
    pull: Pull
    footage: FootageFinder


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
    addresses = MediaAddresses(seals=identity)
    playback = Playback(recordings=storage.recordings)
    pull = Pull(address_of=place.address_of)
    stages.add("pull", pull.close)
    return Access(
        identity=identity,
        table=table,
        rights=rights,
        addresses=addresses,
        viewings=viewings,
        departure=Departure(streams=storage.streams, node=place.node, fence=Leases(db=storage.db).fence_of, now=now),
        playback=playback,
        pull=pull,
        footage=FootageFinder(
            playback=playback,
            recordings=storage.recordings,
            objects=storage.objects,
            pull=pull,
            addresses=addresses,
            me=place.name,
        ),
    )


def now() -> datetime:
    return datetime.now(UTC)
