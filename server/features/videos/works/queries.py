"""The SQL of works and matches."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, LET_IN

# works

_WORK: Final = """
select w.id::text as id, w.number, w.owner_id::text as owner_id, w.media_id::text as media_id, w.title, w.policy,
    w.state, w.reason, w.created_at, w.version, (select count(*) from work_matches m where m.work_id = w.id) as matches
from works w
"""
ADD: Final = """
insert into works (id, owner_id, media_id, title, policy, created_at, version)
select $1, $2, $3, $4, $5, $6, $8 where (select count(*) from works where owner_id = $2) < $7
on conflict (media_id) do nothing returning number
"""
REGISTERED: Final = "select owner_id::text from works where media_id = $1"
STATE_OF_VIDEO: Final = "select state from videos where id = $1 and owner_id = $2 and stream_id is null"
WORK: Final = f"{_WORK} where w.id = $1"
MINE: Final = f"{_WORK} where w.owner_id = $1 and ($2::uuid is null or w.id > $2) order by w.id limit $3"
REMOVE: Final = "delete from works where id = $1 and owner_id = $2 returning title, media_id::text"
INDEXED: Final = "update works set state = $2, reason = $3, version = $4 where id = $1"
FORMER: Final = "select id::text from works where state = 'ready' and version < $1 order by random() limit $2"
UNINDEX: Final = ("delete from work_sounds where work = $1", "delete from work_frames where work = $1")
SOUGHT: Final = """
select id::text, number, owner_id::text, policy,
    (select v.duration_ms from videos v where v.id = works.media_id) as duration_ms from works
where number = any($1::int[]) and state = 'ready' and owner_id <> $2::uuid
"""
OLDER: Final = """
select v.id::text from videos v
where v.state = 'ready' and v.owner_id <> $1::uuid and not exists (select from works w where w.media_id = v.id)
order by v.id desc limit $2
"""
ON_AIR: Final = """
select s.id::text, (select max(g.media_time_ms) from stream_segments g where g.stream_id = s.id) as end_ms
from streams s
where s.state = 'live' and exists (select from works w where w.state = 'ready' and w.owner_id <> s.owner_id)
    and exists (select from stream_segments g where g.stream_id = s.id)
order by s.id desc limit $1
"""
FORGET: Final = "delete from works where media_id = $1"

# matches

SAME: Final = """
select id::text, from_ms, to_ms, work_from_ms, score, speed, is_credited, state, muted_until_ms from work_matches
where media_id = $1 and work_id = $2 order by from_ms for update
"""
ADD_MATCH: Final = """
insert into work_matches (id, work_id, holder_id, publisher_id, media_id, media_kind, from_ms, to_ms, work_from_ms,
    score, speed, policy, is_credited, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
LENGTHEN: Final = """
update work_matches set from_ms = $2, to_ms = $3, work_from_ms = $4, score = $5, is_credited = is_credited or $6
where id = $1
"""
MUTE_LIVE: Final = "update work_matches set muted_until_ms = $2 where id = $1"
_PEOPLE: Final = ("holder", "publisher")
# By the clock of what is left of a recording; of a part that was cut, where that was.
_SHIFTED: Final = """
greatest(0, {0} - coalesce((select c.begin_ms from recording_trims c where c.stream_id = m.media_id), 0))
"""
_MATCH: Final = f"""
select m.id::text as id, m.work_id::text as work_id, w.title as work_title, w.media_id::text as work_media_id,
    {
    ", ".join(
        f"m.{each}_id::text as {each}_id, {each}.username as {each}_username,"
        f" {each}.display_name as {each}_display_name, {each}.avatar_url as {each}_avatar_url"
        for each in _PEOPLE
    )
},
    m.media_id::text as media_id, m.media_kind, {_SHIFTED.format("m.from_ms")} as from_ms,
    {_SHIFTED.format("m.to_ms")} as to_ms, m.work_from_ms, m.score, m.policy, m.is_credited,
    m.state, m.reason, m.created_at, m.disputed_at, m.expires_at, m.decided_at,
    (select t.title from (select s.title, s.visibility from streams s where s.id = m.media_id
            union all select v.title, v.visibility from videos v where v.id = m.media_id and v.stream_id is null) t
        where t.visibility <> 'private' or m.publisher_id = $1::uuid) as media_title
from work_matches m join works w on w.id = m.work_id
    join users holder on holder.id = m.holder_id join users publisher on publisher.id = m.publisher_id
"""
MATCH: Final = f"{_MATCH} where m.id = $2 and $1::uuid in (m.holder_id, m.publisher_id)"
_SIDE: Final = """
(select id from work_matches where {}_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3)
"""
MATCHES: Final = f"""
{_MATCH} where m.id in ({_SIDE.format("holder")} union {_SIDE.format("publisher")}) order by m.id desc limit $3
"""
STATE: Final = """
select state, work_id::text, holder_id::text, publisher_id::text, media_id::text from work_matches
where id = $1 and $2::uuid in (holder_id, publisher_id) for update
"""
DISPUTE: Final = """
update work_matches set state = $2, reason = $3, disputed_at = $4, expires_at = $5 where id = $1
"""
DECIDE: Final = "update work_matches set state = $2, decided_at = $3, expires_at = null where id = $1"
EXPIRED: Final = """
select id::text, state, work_id::text, holder_id::text, publisher_id::text, media_id::text from work_matches
where state = 'disputed' and expires_at <= $1 order by expires_at limit 100 for update skip locked
"""

CLAIMS: Final = """
select policy, from_ms, to_ms, muted_until_ms from work_matches
where media_id = $1 and policy in ('mute', 'block') and state <> 'withdrawn' and to_ms - from_ms > $2
"""
CLAIMED_BY_WORK: Final = """
select distinct m.media_id::text from work_matches m join works w on w.id = m.work_id
where (w.id = $1 or w.media_id = $1) and m.policy in ('mute', 'block')
"""
CLAIMED_BY_PERSON: Final = """
select distinct media_id::text from work_matches where holder_id = $1 and policy in ('mute', 'block')
"""
MAY_KNOW: Final = f"""
select exists (
    select from (select id, owner_id, visibility from streams where id = $2
        union all select id, owner_id, visibility from videos where id = $2 and stream_id is null) m
    join users o on o.id = m.owner_id
    where {IN_GOOD_STANDING.format("o")} and {LET_IN.format("m", "m.visibility", "m.id")})
"""
"""Whether the person ``$1`` may know of the video or stream ``$2``."""
STREAM: Final = "select id::text, restrictions, state from streams where id = $1"
TITLES: Final = """
select m.id::text as id, w.title from work_matches m join works w on w.id = m.work_id
where m.id = any($1::uuid[]) and $2::uuid in (m.holder_id, m.publisher_id)
"""

ERASE: Final = (
    "delete from work_matches where holder_id = $1 or publisher_id = $1",
    "delete from works where owner_id = $1",
)
