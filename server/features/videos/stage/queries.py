"""The SQL of stages."""

from typing import Final

ENSURE: Final = "insert into stages (stream_id) values ($1) on conflict do nothing"
LOCK: Final = "select layout, spotlight, is_on_air, node, revision from stages where stream_id = $1 for update"
READ: Final = """
select g.stream_id, g.layout, g.spotlight, g.is_on_air, g.node, g.revision,
    s.owner_id, s.title, s.state, s.stream_key
from stages g join streams s on s.id = g.stream_id where g.stream_id = $1
"""
SEATS: Final = """
select id, name, is_host, is_on_stage, is_muted, secret_hash is not null as has_joined, created_at, expires_at
from stage_seats where stream_id = $1 order by joined_at nulls last, id
"""
INVITE: Final = """
insert into stage_seats (id, stream_id, name, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)
"""
COUNT_UNUSED: Final = """
select count(*) from stage_seats where stream_id = $1 and secret_hash is null and expires_at > $2
"""
COUNT_PEOPLE: Final = """
select count(*) from stage_seats where stream_id = $1 and secret_hash is not null and not is_host
"""
INVITED: Final = """
select t.id, t.stream_id, t.name, s.title, o.username, o.display_name from stage_seats t
    join streams s on s.id = t.stream_id join users o on o.id = s.owner_id
where t.token_hash = $1 and t.expires_at > $2 and s.state <> 'ended'
"""
JOIN: Final = """
update stage_seats set token_hash = null, secret_hash = $2, name = coalesce(nullif($3, ''), name), joined_at = $4
where token_hash = $1 and expires_at > $4 returning id, stream_id
"""
HOST: Final = """
insert into stage_seats (id, stream_id, name, is_host, is_on_stage, secret_hash, created_at, expires_at, joined_at)
values ($1, $2, $3, true, true, $4, $5, $5, $5)
on conflict (stream_id) where is_host do update set secret_hash = excluded.secret_hash, name = excluded.name
returning id
"""
HELD: Final = "select stream_id from stage_seats where id = $1 and secret_hash = $2"
CHANGE: Final = """
update stages set layout = coalesce($2, layout), spotlight = case when $3 then $4::uuid else spotlight end,
    is_on_air = coalesce($5, is_on_air), revision = revision + 1
where stream_id = $1
"""
CHANGED: Final = "update stages set revision = revision + 1 where stream_id = $1"
CHANGE_SEAT: Final = """
update stage_seats set is_on_stage = coalesce($3, is_on_stage), is_muted = coalesce($4, is_muted)
where stream_id = $1 and id = $2 and secret_hash is not null
"""
REMOVE_SEAT: Final = "delete from stage_seats where stream_id = $1 and id = $2"
MOVE: Final = "update stages set node = $3 where stream_id = $1 and node = $2"
END: Final = "delete from stages where stream_id = $1 returning node"
PRUNE: Final = """
delete from stage_seats where id in (
    select id from stage_seats where secret_hash is null and expires_at < $1 order by expires_at limit $2)
"""
