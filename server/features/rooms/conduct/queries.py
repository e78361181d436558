"""The SQL of cards of people, of the notes on them, and of requests to lift a ban."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('conduct ' || $1, 0))"

# cards

PERSON: Final = """
select u.id, u.username, u.display_name, u.created_at,
    (select f.created_at from follows f where f.followee_id = $1 and f.follower_id = u.id) as following_since,
    exists (select from chat_moderators m where m.room_id = $2 and m.user_id = u.id) as is_moderator,
    exists (select from chat_vips v where v.room_id = $2 and v.user_id = u.id) as is_vip
from users u where u.id = $3 and u.deleted_at is null
"""
MESSAGES: Final = """
select m.id, m."offset", m.text, m.sent_at from chat_messages m join chat_rooms r on r.id = m.room_id
where m.user_id = $2 and m.room_id = $1 and m.deleted_at is null and m."offset" > r.cleared_to
order by m."offset" desc limit $3
"""
SANCTION: Final = """
select until, reason, created_at from chat_sanctions
where room_id = $1 and user_id = $2 and (until is null or until > $3)
"""
NOTES: Final = """
select n.id, n.text, n.created_at, n.author_id, u.username, u.display_name
from moderator_notes n join users u on u.id = n.author_id
where n.owner_id = $1 and n.person_id = $2 order by n.id desc limit $3
"""
COUNT_NOTES: Final = "select count(*) from moderator_notes where owner_id = $1 and person_id = $2"
ADD_NOTE: Final = """
insert into moderator_notes (id, owner_id, person_id, author_id, text, created_at)
select $1, $2, u.id, $4, $5, $6 from users u where u.id = $3 and u.deleted_at is null returning id
"""
REMOVE_NOTE: Final = "delete from moderator_notes where owner_id = $1 and id = $2 returning person_id"

# requests

BAN: Final = """
select created_at from chat_sanctions where room_id = $1 and user_id = $2 and (until is null or until > $3)
"""
ASKED: Final = "select exists (select from unban_requests where room_id = $1 and person_id = $2 and banned_at = $3)"
COUNT_WAITING: Final = "select count(*) from unban_requests where room_id = $1 and state = 'waiting'"
ASK: Final = """
insert into unban_requests (id, room_id, person_id, banned_at, text, created_at) values ($1, $2, $3, $4, $5, $6)
"""
_REQUEST: Final = """
select r.id, r.room_id, r.text, r.state, r.created_at, r.decided_at, r.person_id, u.username, u.display_name
from unban_requests r join users u on u.id = r.person_id
"""
REQUEST: Final = _REQUEST + " where r.room_id = $1 and r.id = $2"
LIST: Final = (
    _REQUEST
    + """
where r.room_id = $1 and ($2::text is null or r.state = $2) and ($3::uuid is null or r.id < $3)
order by r.id desc limit $4
"""
)
DECIDE: Final = """
update unban_requests set state = $3, decided_at = $4 where room_id = $1 and id = $2 and state = 'waiting' returning id
"""
DECIDERS: Final = """
select owner_id as id from chat_rooms where id = $1
union select user_id from chat_moderators where room_id = $1
"""
NAME: Final = "select username, display_name from users where id = $1"

ERASE: Final = (
    "delete from unban_requests where person_id = $1",
    "delete from moderator_notes where person_id = $1 or author_id = $1 or owner_id = $1",
)
