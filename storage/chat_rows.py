"""Messages of chat rooms as they are read: the SQL, and a row as clients see it."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.chat_rules import LONG_FOLLOWING, subscriber_badges
from actors.events import Attachment, ChatMessage, ChatUser, DeletedMessage, LoggedMessage
from storage.postgres import Row
from storage.subscriptions import HOLDS

_ROLES: Final = ("owner", "moderator", "vip", "admin")


def badge_columns(*, room_id: str, owner_id: str, is_private: str = "false") -> str:
    """Of a message ``m`` in the room that these columns name, for ``badges_of``. ``is_private``: then roles of the
    server and subscriptions say nothing there.
    """
    return f"""
    {owner_id} = m.user_id as is_owner,
    exists (select from chat_moderators d where d.room_id = {room_id} and d.user_id = m.user_id) as is_moderator,
    exists (select from chat_vips v where v.room_id = {room_id} and v.user_id = m.user_id) as is_vip,
    not {is_private} and exists (select from users a where a.id = m.user_id and 'admin' = any (a.roles)) as is_admin,
    not {is_private} and exists (select from subscriptions s where s.owner_id = {owner_id} and s.person_id = m.user_id
        and {HOLDS.format("s")}) as is_subscriber,
    (select coalesce(sum(s.months), 0)::integer from subscriptions s where s.owner_id = {owner_id}
        and s.person_id = m.user_id) as subscribed_months,
    exists (select from follows f where f.follower_id = m.user_id and f.followee_id = {owner_id}
        and f.created_at <= m.sent_at - interval '{LONG_FOLLOWING.days} days') as is_follower
"""


def badges_of(row: Row) -> tuple[str, ...]:
    """What its author is there now, in the order of ``chat_recent.BADGES``; who followed long enough when they wrote
    it.
    """
    paid = ("subscriber", *subscriber_badges(row["subscribed_months"])) if row["is_subscriber"] else ()
    return (*(name for name in _ROLES if row[f"is_{name}"]), *paid, *(("follower",) if row["is_follower"] else ()))


def message_of(row: Row) -> LoggedMessage:
    """A row as clients see it. A deleted message keeps its place and nothing else."""
    if row["is_deleted"]:
        return DeletedMessage(id=row["id"], offset=row["offset"])
    return ChatMessage(
        id=row["id"],
        offset=row["offset"],
        user=ChatUser(
            id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"],
            badges=badges_of(row),
        ),
        text=row["text"],
        sent_at=row["sent_at"],
        media_time_ms=row["media_time_ms"],
        reply_to=row["reply_to"],
        client_id=row["client_id"],
        announcement=row["is_announcement"],
        edited_at=row["edited_at"],
        reactions={emoji: tuple(ids) for emoji, ids in (row["reactions"] or {}).items()},
        attachments=msgspec.convert(row["attachments"] or (), tuple[Attachment, ...]),
    )


REACTIONS: Final = """
select jsonb_object_agg(emoji, ids) from (
    select e.emoji, jsonb_agg(e.person_id order by e.created_at, e.person_id) as ids
    from chat_reactions e join users p on p.id = e.person_id and p.deleted_at is null
    where e.message_id = m.id group by e.emoji) each
"""
"""Of the message ``m``: emoji → the ids of who has reacted with it."""
ATTACHMENTS: Final = """
select jsonb_agg(a.shown order by a.position) from chat_attachments a
where a.room_id = m.room_id and a.person_id = m.user_id and a.client_id = m.client_id
"""
"""Of the message ``m``, in their order."""
_SELECT: Final = f"""
select m.id, m."offset", m.user_id, coalesce(u.username, '') as username, coalesce(u.display_name, '') as display_name,
    m.client_id, m.sent_at, m.media_time_ms, m.reply_to, m.is_announcement, m.edited_at, gone.is_deleted,
    case when r.is_private then ({REACTIONS}) end as reactions,
    case when r.is_private then ({ATTACHMENTS}) end as attachments,
    case when gone.is_deleted then '' else m.text end as text,
    {badge_columns(room_id="m.room_id", owner_id="r.owner_id", is_private="r.is_private")}
from chat_messages m join chat_rooms r on r.id = m.room_id left join users u on u.id = m.user_id
    and u.deleted_at is null
    cross join lateral (
        select m.deleted_at is not null or u.id is null or m."offset" <= r.cleared_to as is_deleted) gone
where m.room_id = $1
"""
BEFORE: Final = _SELECT + ' and m."offset" < $2 order by m."offset" desc limit $3'
SINCE: Final = _SELECT + ' and m."offset" > $2 order by m."offset" limit $3'
BETWEEN: Final = _SELECT + ' and m.media_time_ms >= $2 and m.media_time_ms < $3 order by m."offset" limit $4'
BY_ID: Final = _SELECT + " and m.id = $2"
THREAD: Final = f"""
with recursive up as (
    select id, reply_to, 0 as depth from chat_messages where room_id = $1 and id = $2
    union all
    select m.id, m.reply_to, up.depth + 1 from up
        cross join lateral (select id, reply_to from chat_messages where id = up.reply_to and room_id = $1 limit 1) m
        where up.depth < $3
), down as (
    (select id, 0 as depth from up order by up.depth desc limit 1)
    union all
    select m.id, down.depth + 1 from down
        cross join lateral (select id from chat_messages where room_id = $1 and reply_to = down.id limit $4) m
        where down.depth < $3
), kept as materialized (select id from down limit $4)
{_SELECT} and m.id in (select id from kept) order by m."offset"
"""
FIND: Final = 'select id, "offset" from chat_messages where room_id = $1 and user_id = $2 and client_id = $3'
