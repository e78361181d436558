"""The SQL of sources."""

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING

FIELDS: Final = "stream_id, address, node, created_at"

LOCK_OWNER: Final = "select pg_advisory_xact_lock(hashtextextended('sources ' || $1::text, 0))"
COUNT: Final = """
select count(*) from stream_sources r join streams s on s.id = r.stream_id
where r.owner_id = $1 and r.stream_id <> $2 and s.state <> 'ended'
"""
PUT: Final = f"""
insert into stream_sources (stream_id, owner_id, address, sealed_url) values ($1, $2, $3, $4)
on conflict (stream_id) do update set address = excluded.address, sealed_url = excluded.sealed_url
    where stream_sources.playout is null
returning {FIELDS}
"""
READ: Final = f"select {FIELDS} from stream_sources where stream_id = $1 and playout is null"
REMOVE: Final = "delete from stream_sources where stream_id = $1 and playout is null"
PUT_PLAYOUT: Final = """
insert into stream_sources (stream_id, owner_id, address, sealed_url, playout) values ($1, $2, '', '', $3)
on conflict (stream_id) do update set playout = excluded.playout where stream_sources.playout is not null
returning owner_id, playout, node, created_at
"""
READ_PLAYOUT: Final = """
select owner_id, playout, node, created_at from stream_sources where stream_id = $1 and playout is not null
"""
REMOVE_PLAYOUT: Final = "delete from stream_sources where stream_id = $1 and playout is not null"
ITEMS: Final = """
select 'recording' as kind, s.id::text as id, s.title, (
    select round(sum(g.duration_ms))::int8 from stream_segments g where g.stream_id = s.id and g.rendition = (
        select max(t.rendition) from stream_segments t where t.stream_id = s.id and t.rendition in ('audio', 'video'))
) as duration_ms
from streams s where s.owner_id = $1 and s.id = any($2::uuid[]) and s.state = 'ended'
    and exists (select from stream_segments g where g.stream_id = s.id)
union all
select 'clip', c.id::text, c.title, (
    select round(1000 * sum((e ->> 5)::float8))::int8 from jsonb_array_elements((
        select r -> 'extents' from jsonb_array_elements(c.file -> 'renditions') r order by r ->> 'kind' desc limit 1
    )) e)
from clips c where c.owner_id = $1 and c.id = any($3::uuid[])
"""
"""Kinds and renditions are named so that the picture comes after the sound: it says how long an item is."""
CLAIM: Final = f"""
with found as (
    select r.stream_id from stream_sources r join streams s on s.id = r.stream_id join users o on o.id = s.owner_id
    where (r.node = $1 or r.leased_until < now()) and s.state <> 'ended' and {IN_GOOD_STANDING.format("o")}
        and (s.scheduled_at is null or s.scheduled_at <= now()) and (r.playout is null
            or to_timestamp((r.playout ->> 'starts_at')::float8) <= now()
            and ((r.playout ->> 'loops')::bool or to_timestamp((r.playout ->> 'ends_at')::float8) > now()))
    order by r.node = $1 desc, r.stream_id limit $2 for update of r skip locked
)
update stream_sources r set node = $1, leased_until = now() + $3 * interval '1 second'
from found, streams s where r.stream_id = found.stream_id and s.id = found.stream_id
returning r.stream_id, r.sealed_url, r.playout, s.stream_key
"""
RELEASE: Final = "update stream_sources set leased_until = '-infinity' where node = $1"
ERASE: Final = "delete from stream_sources where owner_id = $1"
