"""Streams in lists: newest first, or the soonest of those to come, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from storage.postgres import Database
from storage.seen_streams import MUTE_HOLDS, unrestricted
from storage.stream_rows import IN_GOOD_STANDING, SELECT, State, StreamRow, stream_of

MAX_PAGE: Final = 100

Position = tuple[dt.datetime | int, str]
"""Where a page ended: the time that its last stream stands under (a number in lists of what is to come), and its id."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BEHIND: Final = 2**62
"""Microseconds: what has no date, or was not begun by then, stands behind what is to come, the newest first."""


class StreamPage(msgspec.Struct, frozen=True, kw_only=True):
    """Streams in order, and the position after which the next page begins (None at the end)."""

    items: tuple[StreamRow, ...]
    next: Position | None


class StreamPages:
    """Streams as lists show them."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def any_on_air(self) -> bool:
        """Whether anybody's stream is live or interrupted."""
        return bool(await self._db.fetchval(_ANY_ON_AIR))

    async def page(
        self,
        *,
        states: Sequence[State] = ("live", "interrupted"),
        category: str | None = None,
        q: str | None = None,
        owner_id: str | None = None,
        has_recording: bool = False,
        is_public: bool = True,
        ids: Sequence[str] | None = None,
        followed_by: str | None = None,
        viewer_id: str | None = None,
        country: str | None = None,
        limit: int = 20,
        after: Position | None = None,
        to_come_at: dt.datetime | None = None,
    ) -> StreamPage:
        """Streams, newest first (by start, else schedule, else creation). Pages stay stable while rows are added.
        ``to_come_at``: the soonest after this moment first instead, then what has no date or is late.

        ``q``: every word occurs in title, description, category or tags. ``viewer_id``: with those for followers of
        whom this person follows, and their own that are not for all; without the streams of those who
        block this person, and whom this person blocks. ``followed_by``: only those of whom this person follows and does
        not mute. Public lists leave out what is not for this person's age or
        ``country`` (None: unknown).
        """
        where = _Where(list(states))
        if is_public:
            where.add_listed(viewer_id)
            where.add(f"({unrestricted('s', viewer='{}', country='{}')})", viewer_id, country)
        if category is not None:
            where.add("s.category = {}", category)
        if owner_id is not None:
            where.add("s.owner_id = {}", owner_id)
        if ids is not None:
            where.add("s.id = any({}::uuid[])", list(ids))
        if followed_by is not None:
            where.add(_FOLLOWED, followed_by, followed_by)
        if has_recording:
            where.add("s.state = {} and exists (select from stream_segments g where g.stream_id = s.id)", "ended")
        if viewer_id is not None:
            where.add(_NOT_APART, viewer_id, viewer_id)
        for word in (q or "").split()[:8]:
            where.add(_MATCHES, f"%{_escaped(word)}%")
        wanted = max(1, min(limit, MAX_PAGE))
        order = where.newest(after) if to_come_at is None else where.soonest(after, to_come_at)
        rows = await self._db.fetch(f"{SELECT}{where.sql()}{order} limit {wanted + 1}", *where.args)
        items = tuple(stream_of(row) for row in rows[:wanted])
        return StreamPage(items=items, next=_position(items[-1], to_come_at) if len(rows) > wanted else None)


class _Where:
    """Conditions and their numbered arguments. Live lists filter on the state by equality, so that the index serves."""

    def __init__(self, states: list[State]) -> None:
        self.args: list[object] = []
        self._parts: list[str] = []
        self.add(
            "s.state = {}" if len(states) == 1 else "s.state = any({}::text[])",
            states[0] if len(states) == 1 else states,
        )

    def add_listed(self, viewer_id: str | None) -> None:
        if viewer_id is None:
            self.add("s.visibility = {}" + IN_GOOD_STANDING, "public")
        else:
            self.add(_LISTED + IN_GOOD_STANDING, "public", viewer_id, "followers", viewer_id)

    def add(self, condition: str, *values: object) -> None:
        numbers = [f"${len(self.args) + at}" for at in range(1, len(values) + 1)]
        self._parts.append(condition.format(*numbers))
        self.args.extend(values)

    def newest(self, after: Position | None) -> str:
        """The order, once the condition of the page was added."""
        if after is not None:
            self.add(f"({_NEWEST}, s.id) < ({{}}, {{}})", *after)
        return f" order by {_NEWEST} desc, s.id desc"

    def soonest(self, after: Position | None, at: dt.datetime) -> str:
        """As ``newest``."""
        self.add("{}::timestamptz is not null", at)
        key = _SOONEST.format(f"${len(self.args)}")
        if after is not None:
            self.add(f"({key}, s.id) > ({{}}, {{}})", *after)
        return f" order by {key}, s.id"

    def sql(self) -> str:
        return " where " + " and ".join(self._parts)


def _escaped(word: str) -> str:
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, "\\" + sign)
    return word.replace("\0", "")


def _position(row: StreamRow, to_come_at: dt.datetime | None) -> Position:
    if to_come_at is None:
        return row.started_at or row.scheduled_at or row.created_at, row.id
    if row.scheduled_at is not None and row.scheduled_at >= to_come_at:
        return _microseconds(row.scheduled_at), row.id
    return _BEHIND - _microseconds(row.scheduled_at or row.created_at), row.id


def _microseconds(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


_ANY_ON_AIR: Final = "select exists (select from streams where state in ('live', 'interrupted'))"
_NEWEST: Final = "coalesce(s.started_at, s.scheduled_at, s.created_at)"
_MICROSECONDS: Final = "(extract(epoch from {0}) * 1000000)::bigint"
_SOONEST: Final = (
    f"case when s.scheduled_at >= {{0}} then {_MICROSECONDS.format('s.scheduled_at')}"
    f" else {_BEHIND} - {_MICROSECONDS.format('coalesce(s.scheduled_at, s.created_at)')} end"
)
_LISTED: Final = (
    "(s.visibility = {} or (s.owner_id = {} and s.visibility in ('followers', 'subscribers', 'password'))"
    " or (s.visibility = {}"
    " and exists (select from follows f where f.followee_id = s.owner_id and f.follower_id = {})))"
)
_FOLLOWED: Final = (
    "s.owner_id in (select f.followee_id from follows f where f.follower_id = {} "
    "and not exists (select from mutes m where m.user_id = {} and m.muted_id = f.followee_id"
    f" and {MUTE_HOLDS.format('m')}))"
)
_MATCHES: Final = "concat_ws(' ', s.title, s.description, s.category, array_to_string(s.tags, ' ')) ilike {}"
_NOT_APART: Final = (
    "not exists (select from blocks b where b.user_id = s.owner_id and b.blocked_id = {}) "
    "and not exists (select from blocks b where b.user_id = {} and b.blocked_id = s.owner_id)"
)
