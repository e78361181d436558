"""A stream as one person may see it, in one statement: for features, which judge each request anew."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from actors.events import is_open
from actors.restrictions import Restrictions
from storage.ids import is_uuid
from storage.postgres import Reads, Row
from storage.subscriptions import HOLDS

IN_GOOD_STANDING: Final = "{0}.deleted_at is null and ({0}.suspended_until is null or {0}.suspended_until <= now())"
"""``{0}``: a row of ``users``."""
NOT_APART: Final = """
not exists (select from blocks b where b.user_id = {person} and b.blocked_id = {viewer}::uuid)
    and not exists (select from blocks b where b.user_id = {viewer}::uuid and b.blocked_id = {person})
"""
"""Whether neither of two persons blocks the other; ``{viewer}``: one of them, null for a guest."""
MUTE_HOLDS: Final = "({0}.expires_at is null or {0}.expires_at > now())"
"""``{0}``: a row of ``mutes``."""
ADMITTED: Final = (
    """
({visibility} in ('public', 'unlisted') or {owner} = {person}
    or exists (select from stream_guests g where g.stream_id = {stream} and g.user_id = {person})
    or ({visibility} = 'followers'
        and exists (select from follows f where f.followee_id = {owner} and f.follower_id = {person}))
    or ({visibility} = 'subscribers'
        and exists (select from subscriptions m
            where m.owner_id = {owner} and m.person_id = {person} and """
    + HOLDS.format("m")
    + """))
    or ({visibility} = 'password'
        and (exists (select from stream_grants a where a.stream_id = {stream} and a.user_id = {person})
            or exists (select from stream_guest_grants a
                where a.stream_id = {stream} and a.guest_id = {person} and a.expires_at > now()))))
"""
)
"""Whether ``{person}`` may know of a stream, but for blocks; the others: what the stream's row has."""
_LET_IN: Final = ADMITTED.format(visibility="{1}", owner="{0}.owner_id", stream="{2}", person="$1::uuid")
LET_IN: Final = f"""
({{0}}.owner_id = $1::uuid or (
    not exists (select from blocks b where b.user_id = {{0}}.owner_id and b.blocked_id = $1::uuid) and {_LET_IN}))
"""
"""``$1``: who asks, or null. ``{0}``: a row with an owner; ``{1}``: its visibility; ``{2}``: the stream's id."""


_UNRESTRICTED: Final = """
{row}.restrictions is null or exists (
    select from (select {viewer}::uuid as person, {country}::text as country) asker
    where {row}.owner_id = asker.person or (
        {row}.restrictions -> 'withheld' is null and {row}.restrictions -> 'claimed' is null
        and ({row}.restrictions -> 'allow' is null or {row}.restrictions -> 'allow' ? asker.country)
        and not coalesce({row}.restrictions -> 'deny' ? asker.country, false)
        and {old_enough}))
"""
OLD_ENOUGH: Final = """
({row}.restrictions -> 'min_age' is null or exists (
    select from users b where b.id = {viewer}
        and b.birth_date <= current_date - make_interval(years => ({row}.restrictions ->> 'min_age')::int)))
"""
"""Whether a row with restrictions is for the age of a person."""


def unrestricted(row: str, *, viewer: str, country: str) -> str:
    """Whether a row of ``streams`` is for this viewer's age and country, as ``Restrictions.refusal`` has it."""
    old_enough = OLD_ENOUGH.format(row=row, viewer="asker.person")
    return _UNRESTRICTED.format(row=row, viewer=viewer, country=country, old_enough=old_enough)


class SeenStream(msgspec.Struct, frozen=True, kw_only=True):
    """``media_node``: that it is published on. ``is_moderator``: who asks moderates its room. ``birth_date``: of who
    asks."""

    id: str
    owner_id: str
    room_id: str
    title: str
    state: str
    media_node: str
    visibility: str
    is_moderator: bool
    restrictions: Restrictions
    birth_date: dt.date | None
    today: dt.date

    @property
    def is_open(self) -> bool:
        return is_open(self.visibility, self.restrictions)

    def require_for(self, viewer_id: str | None, country: str | None) -> None:
        """Raises ``DomainError`` where the stream is not for the age or country of who asks."""
        refusal = self.restrictions.refusal(country=country, birth_date=self.birth_date, today=self.today)
        if refusal is not None and viewer_id != self.owner_id:
            raise refusal

    @property
    def is_on_air(self) -> bool:
        return self.state in ("live", "interrupted")


async def seen_stream(where: Reads, stream_id: str, viewer_id: str | None) -> SeenStream | None:
    """None for what this person (None: a guest) may not know of. Raises ``Unavailable``."""
    row = await where.fetchrow(_STREAM, viewer_id, stream_id) if is_uuid(stream_id) else None
    return None if row is None else msgspec.convert(seen_row(row), SeenStream)


def seen_row(row: Row) -> dict[str, Any]:
    return {**dict(row), "restrictions": row["restrictions"] or {}}


_STREAM: Final = f"""
select s.id, s.owner_id, s.room_id, s.title, s.state, s.media_node, s.visibility, s.restrictions,
    current_date as today, (select b.birth_date from users b where b.id = $1::uuid) as birth_date,
    exists (select from chat_moderators m where m.room_id = s.room_id and m.user_id = $1::uuid) as is_moderator
from streams s join users o on o.id = s.owner_id
where s.id = $2 and {IN_GOOD_STANDING.format("o")} and {LET_IN.format("s", "s.visibility", "s.id")}
"""
