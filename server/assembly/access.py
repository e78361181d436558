"""Who may see what, what ends when that changes, and what there is to see: one memory of each a node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.assembly.cluster import ClusterPlace
from server.assembly.storage import Storage
from server.features.videos.settings import PlaybackSettings
from server.http.countries import Countries, NoDatabase
from server.http.identity import Identity
from server.lifecycle import Stages, closer
from server.live.addresses import MediaAddresses
from server.live.departure import Departure
from server.live.footage import FootageFinder
from server.live.playback import Playback
from server.live.pull import Pull
from server.live.rights import Rights
from server.live.viewings import Viewings
from server.ports import CannotStart
from storage.leases import Leases
from storage.rights import RightsTable


@dataclass(frozen=True, kw_only=True)
class Access:
    identity: Identity
    table: RightsTable
    rights: Rights
    countries: Countries
    addresses: MediaAddresses
    viewings: Viewings
    departure: Departure
    playback: Playback
    pull: Pull
    footage: FootageFinder


async def open_access(
    storage: Storage, place: ClusterPlace, stages: Stages, *, settings: PlaybackSettings, geoip_database: Path | None
) -> Access:
    """Raises ``Unavailable``, and ``CannotStart`` for a ``geoip_database`` that is none."""
    identity = Identity(rows=storage.db)
    await identity.start()
    stages.add("identity", identity.close)
    table = RightsTable(db=storage.db)
    rights = Rights(rows=table, now=now)
    stages.add("rights", rights.close)
    viewings = Viewings()
    identity.on_revoked(viewings.end_session)
    countries = _countries(geoip_database)
    stages.add("countries", closer(countries.close))
    addresses = MediaAddresses(
        seals=identity,
        country_of=countries.of,
        knows_countries=countries.is_known,
        cdn=settings.cdn_base_url,
        signs_all=settings.sign_playback,
    )
    playback = Playback(recordings=storage.recordings)
    pull = Pull(address_of=place.address_of)
    stages.add("pull", pull.close)
    return Access(
        identity=identity,
        table=table,
        rights=rights,
        countries=countries,
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


def _countries(geoip_database: Path | None) -> Countries:
    try:
        return Countries(geoip_database)
    except NoDatabase as error:
        raise CannotStart(f"geoip_database: {error}") from None


def now() -> datetime:
    return datetime.now(UTC)
