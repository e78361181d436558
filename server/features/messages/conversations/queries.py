"""The SQL of conversations, their members, and what a member is shown of their messages."""

from __future__ import annotations

from typing import Final

from storage.chat_rows import ATTACHMENTS
from storage.pictures import AVATAR_URL

# Beginning, accepting, adding and leaving are one after another within a conversation.
LOCK_PAIR: Final = "select pg_advisory_xact_lock(hashtextextended($1, 8))"
LOCK_MESSAGE: Final = "select pg_advisory_xact_lock(hashtextextended('attachments ' || $1, 0))"
HOLD: Final = "select room_id, is_group, owner_id from conversations where room_id = $1 for update"

INVITED: Final = """
select u.id, u.username_key,
    exists (select from blocks where user_id = u.id and blocked_id = $1) as is_hidden,
    exists (select from blocks where user_id = $1 and blocked_id = u.id) as is_blocked,
    exists (select from follows where follower_id = u.id and followee_id = $1) as follows,
    coalesce((select requests_from from conversation_settings s where s.person_id = u.id), 'everyone') as requests_from,
    (select count(*) from conversation_members m where m.person_id = u.id and m.state = 'open') as open,
    (select count(*) from conversation_members m where m.person_id = u.id and m.state = 'request') as requests
from users u where u.username_key = any($2::text[]) and u.deleted_at is null
    and coalesce(u.suspended_until <= now(), true)
"""
OF_PAIR: Final = "select room_id from conversations where pair = $1"
ADD: Final = "insert into conversations (room_id, is_group, title, owner_id, pair) values ($1, $2, $3, $4, $5)"
ADD_MEMBERS: Final = """
insert into conversation_members (room_id, person_id, state, read_offset)
select r.id, t.person_id, t.state, case when t.state = 'open' then r.last_offset else 0 end
from chat_rooms r, unnest($2::uuid[], $3::text[]) as t(person_id, state) where r.id = $1
on conflict (room_id, person_id) do update set state = excluded.state, joined_at = now()
where conversation_members.state <> excluded.state
"""
MEMBERS: Final = "select person_id, state from conversation_members where room_id = $1 order by joined_at, person_id"
SET_STATE: Final = "update conversation_members set state = $3 where room_id = $1 and person_id = $2"
REMOVE: Final = "delete from conversation_members where room_id = $1 and person_id = $2"
SET_OWNER: Final = "update conversations set owner_id = $2 where room_id = $1"
SET_TITLE: Final = "update conversations set title = $2 where room_id = $1"
MUTE: Final = """
update conversation_members set is_muted = $3 where room_id = $1 and person_id = $2 and state in ('open', 'request')
"""
DELETE_ROOM: Final = "delete from chat_rooms where id = $1 and is_private"
NAMED: Final = """
select m.person_id from conversation_members m join users u on u.id = m.person_id
where m.room_id = $1 and u.username_key = $2 and m.state in ('open', 'request')
"""
SETTINGS: Final = "select requests_from from conversation_settings where person_id = $1"
SET_SETTINGS: Final = """
insert into conversation_settings (person_id, requests_from) values ($1, $2)
on conflict (person_id) do update set requests_from = excluded.requests_from
"""

READ: Final = """
update conversation_members m set read_offset = greatest(m.read_offset, least($3, r.last_offset))
from chat_rooms r, conversation_members b
where r.id = m.room_id and m.room_id = $1 and m.person_id = $2 and m.state in ('open', 'request')
    and b.room_id = m.room_id and b.person_id = m.person_id
returning m.read_offset, m.state, b.read_offset as before
"""
STANDING: Final = """
select m.state, c.is_group or not exists (
    select from conversation_members o join blocks b
        on (b.user_id = o.person_id and b.blocked_id = $2) or (b.user_id = $2 and b.blocked_id = o.person_id)
    where o.room_id = $1 and o.person_id <> $2) as may_write
from conversation_members m join conversations c using (room_id)
where m.room_id = $1 and m.person_id = $2 and m.state in ('open', 'request')
"""
# Up to MAX_COUNTED messages of others, behind what the member has read, that they are shown.
UNREAD_OF: Final = """
select count(*) from (
    select from chat_messages c where c.room_id = {room} and c."offset" > {read} and c.user_id <> $1
        and c.deleted_at is null and not exists (select from blocks b where b.user_id = $1 and b.blocked_id = c.user_id)
        and exists (select from users u where u.id = c.user_id and u.deleted_at is null)
    limit {limit}) counted
"""
UNREAD: Final = f"select ({UNREAD_OF.format(room='$2', read='$3::bigint', limit='$4')})"
UNREAD_CONVERSATIONS: Final = f"""
select count(*) filter (where m.state = 'request') as requests, count(*) filter (where m.state = 'open'
    and not m.is_muted and r.last_offset > m.read_offset
    and ({UNREAD_OF.format(room="m.room_id", read="m.read_offset", limit="1")}) > 0) as unread
from conversation_members m join chat_rooms r on r.id = m.room_id
where m.person_id = $1 and m.state in ('open', 'request')
"""

_SHOWN: Final = f"""
select m.room_id, m.state, m.read_offset, m.is_muted, c.is_group, c.title, c.owner_id, c.created_at, a.active_at,
    ({UNREAD_OF.format(room="m.room_id", read="m.read_offset", limit="{limit}")}) as unread
from conversation_members m join conversations c using (room_id) join chat_rooms r on r.id = m.room_id
cross join lateral (select greatest(m.joined_at, (
    select sent_at from chat_messages l where l.room_id = r.id and l."offset" = r.last_offset)) as active_at) a
where m.person_id = $1
"""
PAGE: Final = (
    _SHOWN.replace("{limit}", "$6")
    + """
and m.state = any($2::text[]) and ($3::timestamptz is null or (a.active_at, m.room_id) < ($3, $4::uuid))
order by a.active_at desc, m.room_id desc limit $5
"""
)
ONE: Final = _SHOWN.replace("{limit}", "$3") + " and m.room_id = $2 and m.state in ('open', 'request')"

PEOPLE: Final = f"""
select m.room_id, u.id, u.username, u.display_name, {AVATAR_URL},
    case when m.state in ('left', 'declined') then 'left' else m.state end as state,
    case when m.state = 'open' then m.read_offset else 0 end as read_offset,
    exists (select from blocks b where b.user_id = $2 and b.blocked_id = u.id) as is_blocked
from conversation_members m join conversations c using (room_id) join users u on u.id = m.person_id
where m.room_id = any($1::uuid[]) and u.deleted_at is null and (m.state in ('open', 'request') or not c.is_group)
order by m.joined_at, u.id
"""
LAST_MESSAGES: Final = f"""
select r.id as room_id, l.id, l."offset", l.sent_at, l.user_id, l.username, l.display_name, l.is_deleted,
    case when l.is_deleted then '' else l.text end as text, l.attachments
from chat_rooms r cross join lateral (
    select m.id, m."offset", m.sent_at, m.user_id, m.text, u.username, u.display_name, ({ATTACHMENTS}) as attachments,
        m.deleted_at is not null or u.id is null as is_deleted
    from chat_messages m left join users u on u.id = m.user_id and u.deleted_at is null
    where m.room_id = r.id and not exists (select from blocks b where b.user_id = $2 and b.blocked_id = m.user_id)
    order by m."offset" desc limit 1) l
where r.id = any($1::uuid[])
"""
HEARERS: Final = """
select m.person_id from conversation_members m
where m.room_id = $1 and m.state in ('open', 'request')
    and not exists (select from blocks b where b.user_id = m.person_id and b.blocked_id = $2)
"""

UNNOTIFIED: Final = """
select m.person_id, c.sent_at from chat_messages c join conversation_members m using (room_id)
where c.room_id = $1 and c."offset" = $3 and c.deleted_at is null
    and m.person_id <> $2 and m.state = 'open' and not m.is_muted and m.read_offset < $3
    and not exists (select from blocks b where b.user_id = m.person_id and b.blocked_id = $2)
order by m.person_id
"""

IS_CONVERSATION: Final = "select exists (select from conversations where room_id = $1)"
_OF_MESSAGE: Final = "room_id = $1 and person_id = $2 and client_id = $3"
ATTACHED: Final = f"select shown from chat_attachments where {_OF_MESSAGE} order by position"
ATTACH: Final = """
insert into chat_attachments (room_id, person_id, client_id, upload_id, shown, position)
select $1, $2, $3, * from unnest($4::uuid[], $5::jsonb[]) with ordinality
"""
_UNPOSTED: Final = """
not exists (select from chat_messages m
    where m.user_id = a.person_id and m.room_id = a.room_id and m.client_id = a.client_id)
"""
# Those of a message that was not posted may be attached to another one.
TAKE_BACK: Final = f"""
delete from chat_attachments a where upload_id = any($1::uuid[]) and person_id = $2 and {_UNPOSTED} returning shown
"""
ATTACHED_TO: Final = """
update chat_attachments a set message_id = m.id from chat_messages m
where m.room_id = $1 and m."offset" = $2
    and a.room_id = m.room_id and a.person_id = m.user_id and a.client_id = m.client_id
"""
DETACH: Final = """
delete from chat_attachments a using chat_messages m
where m.id = $2 and m.room_id = $1
    and a.room_id = m.room_id and a.person_id = m.user_id and a.client_id = m.client_id
returning a.upload_id
"""
DETACH_ALL: Final = "delete from chat_attachments where room_id = $1 returning upload_id"
DETACH_UNPOSTED: Final = f"""
delete from chat_attachments where upload_id in (
    select upload_id from chat_attachments a where message_id is null and claimed_at < $1 and {_UNPOSTED}
    order by claimed_at limit $2)
returning upload_id
"""

READERS: Final = """
select person_id, read_offset from conversation_members where room_id = $1 and state = 'open'
"""

LEAVE_TO: Final = """
update conversations c set owner_id = (
    select m.person_id from conversation_members m
    where m.room_id = c.room_id and m.person_id <> $1 and m.state = 'open' order by m.joined_at, m.person_id limit 1)
where c.owner_id = $1
"""
FORGET_PAIRS: Final = """
update conversations c set pair = null from conversation_members m
where m.room_id = c.room_id and m.person_id = $1 and c.pair is not null
"""
# What nobody is left in goes with its messages.
FORGET_MEMBER: Final = """
with gone as (delete from conversation_members where person_id = $1 returning room_id)
select distinct room_id from gone g
where not exists (select from conversation_members m where m.room_id = g.room_id and m.person_id <> $1)
"""
FORGET: Final = (
    "delete from conversation_settings where person_id = $1",
    "delete from chat_reactions where person_id = $1",
    "delete from chat_attachments where person_id = $1",
)
