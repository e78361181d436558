"""The SQL of objects that no row names. Each kind of folder says when one of its ids is named."""

from __future__ import annotations

from typing import Final

# ``t.id`` is the id of a folder ``kind/id/``. What is reserved or doomed is seen to elsewhere. A joined upload has the
# segments of its parts where they lie.
_NAMED: Final = {
    "clips": "exists (select from clips c where c.id = t.id)",
    "streams": "exists (select from streams s where s.id = t.id)",
    "uploads": """exists (select from uploads u where u.id = t.id)
        or t.id::text in (select split_part(g.key, '/', 2) from upload_segments g)""",
    "videos": "exists (select from videos v where v.id = t.id)",
}
KINDS: Final = tuple(_NAMED)
UNNAMED: Final = {
    kind: f"""
select t.id::text from unnest($1::uuid[]) as t (id)
where not ({named}) and not exists (select from doomed_objects d
    where starts_with('{kind}/' || t.id || '/', d.prefix) or starts_with(d.prefix, '{kind}/' || t.id || '/'))
"""
    for kind, named in _NAMED.items()
}
FOUND: Final = """
insert into object_leftovers as l (prefix, objects, bytes, found_at, seen_at)
select t.prefix, t.objects, t.bytes, $4, $4
from unnest($1::text[], $2::int[], $3::bigint[]) as t (prefix, objects, bytes)
on conflict (prefix) do update set objects = excluded.objects, bytes = excluded.bytes, seen_at = excluded.seen_at
"""
FORGET_UNSEEN: Final = "delete from object_leftovers where seen_at < $1"
FORGET: Final = "delete from object_leftovers where prefix = $1"
SCANNED: Final = """
insert into object_scan (scanned_at, kinds, is_written, moved) values ($1, $2, $3, $4)
on conflict (is_one) do update set scanned_at = excluded.scanned_at, kinds = excluded.kinds,
    is_written = excluded.is_written, moved = excluded.moved
"""
SCAN: Final = "select scanned_at, kinds, is_written, moved from object_scan"
TOTAL: Final = "select count(*) as folders, coalesce(sum(bytes), 0)::bigint as bytes from object_leftovers"
# What is beyond the space goes after a day, the oldest first.
LIST: Final = """
with summed as (
    select *, coalesce(sum(bytes) over (order by found_at desc, id desc), 0) as so_far from object_leftovers)
select id, prefix, objects, bytes, found_at, case
    when $1::bigint > 0 and so_far > $1 then found_at + interval '1 day'
    when $2::int > 0 then found_at + make_interval(days => $2) end as due_at
from summed
"""
PAGE: Final = f"""
select * from ({LIST}) l where $3::timestamptz is null or (found_at, id) > ($3, $4::uuid)
order by found_at, id limit $5
"""
DUE: Final = f"select prefix from ({LIST}) l where due_at <= $3 order by found_at, id limit $4"
