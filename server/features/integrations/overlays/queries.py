"""The SQL of overlays."""

from __future__ import annotations

from typing import Final

LOCK_OWNER: Final = "select from users where id = $1 for no key update"
KEY: Final = "select token_id, sealed_key, created_at from overlay_keys where owner_id = $1"
PUT: Final = """
insert into overlay_keys (owner_id, token_id, sealed_key) values ($1, $2, $3)
on conflict (owner_id) do update set token_id = excluded.token_id, sealed_key = excluded.sealed_key, created_at = now()
returning created_at
"""
# What is on the air goes before what is to come, and the newest first.
SHOWN: Final = """
select u.username as owner, s.stream_id, s.room_id, s.title, s.state from users u left join lateral (
    select id as stream_id, room_id, title, state from streams where owner_id = u.id and state <> 'ended'
    order by state = 'scheduled', coalesce(started_at, created_at) desc, id desc limit 1) s on true
where u.id = $1
"""
FOLLOWER: Final = "select id, username, display_name from users where id = $1 and deleted_at is null"
ERASE: Final = "delete from overlay_keys where owner_id = $1"
