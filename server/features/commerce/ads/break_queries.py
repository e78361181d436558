"""The SQL of pauses."""

from __future__ import annotations

from typing import Final

LOCK_STREAM: Final = "select pg_advisory_xact_lock(hashtextextended('ads ' || $1::text, 0))"
ADD: Final = """
insert into ads_breaks (id, stream_id, at_ms, created_at)
select $1, $2, $3, $4 where not exists (select from ads_breaks where stream_id = $2 and created_at > $5)
returning id, stream_id, at_ms, created_at
"""
# The first pause comes after as long as the later ones.
DUE: Final = """
select s.id, s.owner_id from ads_creators a join streams s on s.owner_id = a.owner_id
where a.is_on and a.break_minutes is not null and s.state = 'live'
    and s.started_at + make_interval(mins => a.break_minutes) <= $1
    and not exists (select from ads_breaks b where b.stream_id = s.id
        and b.created_at + make_interval(mins => a.break_minutes) > $1)
order by s.id limit 500
"""
