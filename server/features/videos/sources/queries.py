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
returning {FIELDS}
"""
READ: Final = f"select {FIELDS} from stream_sources where stream_id = $1"
REMOVE: Final = "delete from stream_sources where stream_id = $1"
CLAIM: Final = f"""
with found as (
    select r.stream_id from stream_sources r join streams s on s.id = r.stream_id join users o on o.id = s.owner_id
    where (r.node = $1 or r.leased_until < now()) and s.state <> 'ended' and {IN_GOOD_STANDING.format("o")}
        and (s.scheduled_at is null or s.scheduled_at <= now())
    order by r.node = $1 desc, r.stream_id limit $2 for update of r skip locked
)
update stream_sources r set node = $1, leased_until = now() + $3 * interval '1 second'
from found, streams s where r.stream_id = found.stream_id and s.id = found.stream_id
returning r.stream_id, r.sealed_url, s.stream_key
"""
RELEASE: Final = "update stream_sources set leased_until = '-infinity' where node = $1"
ERASE: Final = "delete from stream_sources where owner_id = $1"
