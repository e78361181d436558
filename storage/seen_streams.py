"""A stream as one person may see it, in one statement: for features, which judge each request anew."""

from __future__ import annotations

from typing import Final

import msgspec

from storage.ids import is_uuid
from storage.postgres import Reads

IN_GOOD_STANDING: Final = "{0}.deleted_at is null and ({0}.suspended_until is null or {0}.suspended_until <= now())"
"""``{0}``: a row of ``users``."""
ADMITTED: Final = """
({visibility} in ('public', 'unlisted') or {owner} = {person}
    or exists (select from stream_guests g where g.stream_id = {stream} and g.user_id = {person})
    or ({visibility} = 'followers'
        and exists (select from follows f where f.followee_id = {owner} and f.follower_id = {person}))
    or ({visibility} = 'password'
        and exists (select from stream_grants a where a.stream_id = {stream} and a.user_id = {person})))
"""
"""Whether ``{person}`` may know of a stream, but for blocks; the others: what the stream's row has."""
_LET_IN: Final = ADMITTED.format(visibility="{1}", owner="{0}.owner_id", stream="{2}", person="$1::uuid")
LET_IN: Final = f"""
({{0}}.owner_id = $1::uuid or (
    not exists (select from blocks b where b.user_id = {{0}}.owner_id and b.blocked_id = $1::uuid) and {_LET_IN}))
"""
"""``$1``: who asks, or null. ``{0}``: a row with an owner; ``{1}``: its visibility; ``{2}``: the stream's id."""


class SeenStream(msgspec.Struct, frozen=True, kw_only=True):
    """``media_node``: that it is published on. ``is_moderator``: who asks moderates its room."""

    id: str
    owner_id: str
    room_id: str
    title: str
    state: str
    media_node: str
    visibility: str
    is_moderator: bool

    @property
    def is_on_air(self) -> bool:
        return self.state in ("live", "interrupted")


async def seen_stream(where: Reads, stream_id: str, viewer_id: str | None) -> SeenStream | None:
    """None for what this person (None: a guest) may not know of. Raises ``Unavailable``."""
    row = await where.fetchrow(_STREAM, viewer_id, stream_id) if is_uuid(stream_id) else None
    return None if row is None else SeenStream(**dict(row))


_STREAM: Final = f"""
select s.id, s.owner_id, s.room_id, s.title, s.state, s.media_node, s.visibility,
    exists (select from chat_moderators m where m.room_id = s.room_id and m.user_id = $1::uuid) as is_moderator
from streams s join users o on o.id = s.owner_id
where s.id = $2 and {IN_GOOD_STANDING.format("o")} and {LET_IN.format("s", "s.visibility", "s.id")}
"""
