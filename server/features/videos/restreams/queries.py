"""The SQL of restreams."""

from typing import Final

FIELDS: Final = "scope_id, name, address, created_at"

# Two requests of one person are counted one after the other.
LOCK_OWNER: Final = "select pg_advisory_xact_lock(hashtextextended('restreams ' || $1::text, 0))"
# What an ended stream has is not pushed any more, and counts no more.
COUNTS: Final = """
select count(*) filter (where r.scope_id = $2 or ($4 and r.scope_id = $1)) as of_scope,
       count(*) as of_owner
from restreams r left join streams s on s.id = r.stream_id
where r.owner_id = $1 and not (r.scope_id = $2 and r.name = $3) and (s.id is null or s.state <> 'ended')
"""
PUT: Final = f"""
insert into restreams (scope_id, name, owner_id, stream_id, address, sealed_key) values ($1, $2, $3, $4, $5, $6)
on conflict (scope_id, name) do update set address = excluded.address, sealed_key = excluded.sealed_key
returning {FIELDS}
"""
REMOVE: Final = "delete from restreams where scope_id = $1 and name = $2"
# A stream's own target goes before the person's of the same name.
LIST: Final = f"""
select distinct on (name) {FIELDS} from restreams
where scope_id = $1 or scope_id = $2 order by name, scope_id = $1 desc limit $3
"""
TARGETS: Final = """
select distinct on (s.id, r.name) s.id as stream_id, r.scope_id, r.name, r.address, r.sealed_key
from streams s join restreams r on r.scope_id in (s.id, s.owner_id)
where s.id = any($1::uuid[]) order by s.id, r.name, r.scope_id = s.id desc
"""
ON_AIR: Final = "select id, media_node from streams where owner_id = $1 and state in ('live', 'interrupted') limit 100"
ERASE: Final = "delete from restreams where owner_id = $1"
