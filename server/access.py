"""Who may see what, and who goes, wired: one memory of rights a node, and everything that obeys it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from actors.runtime import Fence, Node
from server.assembly.realtime import Realtime
from server.config import Settings
from server.features.auth.deletion import Deletions
from server.features.people import People
from server.features.users import AccountDeletion, Profiles, Relationships, Users
from server.http.feature import Feature
from server.http.identity import Identity
from server.jobs import Jobs, Schedule, repeated
from server.limits import account_rates
from server.live.addresses import MediaAddresses
from server.live.departure import Departure
from server.live.eviction import Eviction, StreamCache
from server.live.guests import GuestRoutes
from server.live.media import MediaProcess
from server.live.naming import Naming
from server.live.rights import Rights
from server.live.room_mirror import RoomMirrors
from server.live.stream_directory import StreamDirectory
from server.live.viewings import Viewings, WebrtcViewings
from storage.doomed import DoomedObjects
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database
from storage.rights import RightsTable
from storage.stream import Streams

LEFT_TO_DO_S: Final = 15.0
PURGE_S: Final = 3_600.0


class Access:
    """The parts, for those that need them."""

    def __init__(
        self,
        *,
        db: Database,
        identity: Identity,
        ids: Ids,
        node: Node,
        streams: Streams,
        fence: Callable[[str, str], Awaitable[Fence]],
        now: Callable[[], datetime],
        media: Callable[[], MediaProcess],
        jobs: Jobs,
        settings: Settings,
    ) -> None:
        """``media``: the media process, which is not there yet."""
        self._settings = settings
        self._db = db
        self._identity = identity
        self._ids = ids
        self._node = node
        self._table = RightsTable(db=db)
        self.rights = Rights(rows=self._table, now=now)
        self.addresses = MediaAddresses(seals=identity)
        self.viewings = Viewings()
        self.webrtc = WebrtcViewings(viewings=self.viewings, media=media)
        identity.on_revoked(self.viewings.end_session)
        self.departure = Departure(streams=streams, node=node, fence=fence, now=now)
        self.deletions = Deletions(
            database=db,
            ids=ids,
            grace_days=settings.deletion_grace_days,
            name_days=settings.name_reserved_days,
            remove_streams=self.departure.remove_streams_of,
            jobs=jobs,
        )

    def eviction(
        self,
        *,
        stream_directory: StreamDirectory,
        mirrors: RoomMirrors,
        realtime: Realtime,
        keepers: Sequence[StreamCache],
    ) -> Eviction:
        naming = Naming(
            node=self._node,
            identity=self._identity,
            stream_directory=stream_directory,
            mirrors=mirrors,
            named=[realtime.rooms, realtime.sockets],
            display_name=self._table.display_name,
        )
        return Eviction(
            node=self._node,
            rights=self.rights,
            stream_directory=stream_directory,
            mirrors=mirrors,
            holders=[realtime.watching, self.viewings],
            keepers=[stream_directory, *keepers],
            end_streams=self.departure.end_streams_of,
            renamed=naming.rename,
        )

    def features(
        self, stream_directory: StreamDirectory, *, profiles: Profiles, accounts: AccountDeletion
    ) -> list[Feature]:
        heed = self.rights.heed
        relationships = Relationships(database=self._db, when_changed=heed)
        rates = account_rates(self._settings)
        users = Users(profiles=profiles, relationships=relationships, accounts=accounts, when_changed=heed, rates=rates)
        guests = GuestRoutes(table=self._table, rights=self.rights, stream_directory=stream_directory)
        people = People(database=self._db, identity=self._identity, ids=self._ids, when_changed=self.rights.heed)
        return [users, guests, people]

    def schedules(self, objects: ObjectStore, hourly: Mapping[str, Callable[[], Awaitable[object]]]) -> list[Schedule]:
        """Those of its own, and what others want to have done every hour."""
        doomed = DoomedObjects(db=self._db, objects=objects)
        return [
            *(repeated(name, do, every_s=PURGE_S) for name, do in hourly.items()),
            repeated("rights.purge", self._table.purge, every_s=PURGE_S),
            repeated("objects.delete", doomed.sweep, every_s=LEFT_TO_DO_S),
        ]

    async def close(self) -> None:
        await self.rights.close()
        await self.departure.close()
