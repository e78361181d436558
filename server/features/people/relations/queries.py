"""The SQL of follows, requests to follow, blocks and mutes."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL
from storage.seen_streams import MUTE_HOLDS, NOT_APART

TARGET: Final = """
select u.id, u.is_private, exists (select from blocks where user_id = u.id and blocked_id = $2) as is_hidden,
       exists (select from blocks where user_id = $2 and blocked_id = u.id) as is_blocked,
       exists (select from follows where follower_id = $2 and followee_id = u.id) as is_followed
from users u where u.username_key = $1 and u.deleted_at is null
"""

# Following, asking to, approving and blocking exclude one another, so all take the pair's lock before they look.
LOCK_PAIR: Final = (
    "select pg_advisory_xact_lock(hashtextextended(least($1::text, $2::text) || greatest($1::text, $2::text), 7))"
)
# Whether the account is private stays as it is while somebody follows it or asks to.
HOLD_PRIVACY: Final = "select is_private from users where id = $1 for share"

FOLLOW: Final = "insert into follows (follower_id, followee_id) values ($1, $2) on conflict do nothing"
UNFOLLOW: Final = "delete from follows where follower_id = $1 and followee_id = $2"
UNFOLLOW_BOTH: Final = (
    "delete from follows where (follower_id = $1 and followee_id = $2) or (follower_id = $2 and followee_id = $1) "
    "returning follower_id, followee_id"
)
BLOCK: Final = "insert into blocks (user_id, blocked_id) values ($1, $2) on conflict do nothing"
UNBLOCK: Final = "delete from blocks where user_id = $1 and blocked_id = $2"
# Nothing where the person is muted already: ``EXTEND_MUTE`` sets another end.
MUTE: Final = """
insert into mutes (user_id, muted_id, expires_at) values ($1, $2, $3) on conflict (user_id, muted_id) do nothing
"""
EXTEND_MUTE: Final = "update mutes set expires_at = $3 where user_id = $1 and muted_id = $2"
END_MUTES: Final = """
delete from mutes where (user_id, muted_id) in (select user_id, muted_id from mutes where expires_at <= $1
    order by expires_at limit 1000 for update skip locked) returning user_id, muted_id
"""
UNMUTE: Final = "delete from mutes where user_id = $1 and muted_id = $2"

REQUEST: Final = "insert into follow_requests (follower_id, followee_id) values ($1, $2) on conflict do nothing"
IS_FOLLOWING: Final = "select exists (select from follows where follower_id = $1 and followee_id = $2)"
WITHDRAW: Final = "delete from follow_requests where follower_id = $1 and followee_id = $2"
WITHDRAW_BOTH: Final = (
    "delete from follow_requests where (follower_id = $1 and followee_id = $2) "
    "or (follower_id = $2 and followee_id = $1) returning follower_id, followee_id"
)
WITHDRAW_ALL: Final = (
    "delete from follow_requests where follower_id = $1 or followee_id = $1 returning follower_id, followee_id"
)
HAS_REQUEST_ROOM: Final = "select count(*) < $2 from follow_requests where followee_id = $1"

SET_PRIVACY: Final = """
update users set is_private = $2, updated_at = now() where id = $1 and deleted_at is null and is_private <> $2
"""
# Those of accounts that have gone since, or may not follow now, are not approved but end.
APPROVE_ALL: Final = """
with waiting as (delete from follow_requests where followee_id = $1 returning follower_id)
insert into follows (follower_id, followee_id)
select w.follower_id, $1 from waiting w join users u on u.id = w.follower_id
where u.deleted_at is null and coalesce(u.suspended_until <= now(), true)
on conflict do nothing returning follower_id, followee_id
"""

# A tie that is there already may be made again, however many there are. A request counts as the follow that it may be.
_HAS_ROOM: Final = "select count(*) < $3 or coalesce(bool_or({theirs} = $2), false) from {table} where {mine} = $1"
_WANTED: Final = """
(select follower_id, followee_id from follows where follower_id = $1
 union all select follower_id, followee_id from follow_requests where follower_id = $1) wanted
"""
ROOM_TO: Final = {
    "follow": _HAS_ROOM.format(table=_WANTED, mine="follower_id", theirs="followee_id"),
    "block": _HAS_ROOM.format(table="blocks", mine="user_id", theirs="blocked_id"),
    "mute": _HAS_ROOM.format(table="mutes", mine="user_id", theirs="muted_id"),
}

_LIST: Final = f"""
select t.created_at as since, u.id, u.username, u.display_name, {AVATAR_URL}{{more}}
from {{table}} t join users u on u.id = t.{{other}}
where t.{{one}} = $1 and u.deleted_at is null
  and ($2::timestamptz is null or (t.created_at, t.{{other}}) < ($2, $3::uuid)) {{only}}
order by t.created_at desc, t.{{other}} desc limit $4
"""
_STANDING: Final = "and coalesce(u.suspended_until <= now(), true)"
_SEEN: Final = f"{_STANDING} and {NOT_APART.format(person='u.id', viewer='$5')}"
FOLLOWERS: Final = _LIST.format(table="follows", one="followee_id", other="follower_id", only=_SEEN, more="")
FOLLOWING: Final = _LIST.format(table="follows", one="follower_id", other="followee_id", only=_SEEN, more="")
REQUESTS: Final = _LIST.format(table="follow_requests", one="followee_id", other="follower_id", only=_STANDING, more="")
BLOCKS: Final = _LIST.format(table="blocks", one="user_id", other="blocked_id", only="", more="")
MUTES: Final = _LIST.format(
    table="mutes", one="user_id", other="muted_id", only=f"and {MUTE_HOLDS.format('t')}", more=", t.expires_at"
)

ERASE: Final = (
    "delete from follow_requests where follower_id = $1 or followee_id = $1",
    "delete from follows where follower_id = $1 or followee_id = $1",
    "delete from blocks where user_id = $1 or blocked_id = $1",
    "delete from mutes where user_id = $1 or muted_id = $1",
)
