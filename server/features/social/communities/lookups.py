"""What rooms above ask of communities: those, and their events, that a viewer may know of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from server.features.social.communities import queries
from server.features.social.communities.communities import shape_of
from server.features.social.communities.shapes import CommunityShape
from storage.postgres import Reads

MAX_MODERATORS: Final = 100

_KNOWN: Final = "(m.state in ('member', 'invited') or c.access <> 'invite' and m.state is distinct from 'banned')"
_ALL: Final = queries.SHOWN + f"where c.id = any($2::uuid[]) and {_KNOWN}"
_EVENTS: Final = """
select e.id, e.title, c.name from community_events e join communities c on c.id = e.community_id
left join community_members m on m.community_id = c.id and m.person_id = $1
where e.id = any($2::uuid[]) and (m.state = 'member' or c.access = 'open' and m.state is distinct from 'banned')
"""
_MODERATORS: Final = """
select person_id from community_members
where community_id = $1 and state = 'member' and role in ('owner', 'moderator') order by since, person_id limit $2
"""


@dataclass(frozen=True, kw_only=True)
class EventTitle:
    community: str
    title: str


class CommunityLookups:
    async def shown(self, reads: Reads, ids: Collection[str], viewer_id: str | None) -> dict[str, CommunityShape]:
        """Those that lists show the viewer, or that they are invited to."""
        rows = await reads.fetch(_ALL, viewer_id, list(ids)) if ids else []
        return {row["id"]: shape_of(row, viewer_id) for row in rows}

    async def events(self, reads: Reads, ids: Collection[str], viewer_id: str | None) -> dict[str, EventTitle]:
        rows = await reads.fetch(_EVENTS, viewer_id, list(ids)) if ids else []
        return {row["id"]: EventTitle(community=row["name"], title=row["title"]) for row in rows}

    async def moderators(self, reads: Reads, community_id: str) -> list[str]:
        """The owner and moderators, at most ``MAX_MODERATORS``, the longest members first."""
        return [row["person_id"] for row in await reads.fetch(_MODERATORS, community_id, MAX_MODERATORS)]
