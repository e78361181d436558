"""The SQL of videos. ``$1`` is the viewer's id or null, where a statement judges who may see what."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, LET_IN, NOT_APART, unrestricted

_VISIBILITY: Final = "coalesce(s.visibility, v.visibility)"
_RESTRICTIONS: Final = "case when s.id is null then v.restrictions else s.restrictions end"
_IS_THERE: Final = "(v.stream_id is null or exists (select from stream_segments g where g.stream_id = v.stream_id))"
_IS_PLAYABLE: Final = "(v.stream_id is not null or v.edition > 0)"
# Those of a recording are its stream's markers: of several at one moment the last.
_CHAPTERS: Final = """
case when v.stream_id is null then v.chapters else (
    select coalesce(jsonb_agg(m order by m.at_ms), '[]') from (
        select distinct on (k.at_ms) k.at_ms, k.label from stream_markers k
        where k.stream_id = v.stream_id order by k.at_ms, k.id desc) m) end
"""
_VIDEOS: Final = f"""
select v.id::text as id, v.owner_id::text as owner_id, v.stream_id::text as stream_id, v.upload_id::text as upload_id,
    coalesce(s.title, v.title) as title, coalesce(s.description, v.description) as description,
    {_VISIBILITY} as visibility, {_RESTRICTIONS} as restrictions, v.state, v.reason, v.progress, v.edition, v.source,
    v.duration_ms, v.begin_ms, {_CHAPTERS} as chapters, v.has_poster, v.poster_upload_id::text as poster_upload_id,
    v.views, v.watched_ms, v.created_at, v.ready_at,
    case when v.file_edition = v.edition then v.file_bytes end as file_bytes, v.file_head_bytes,
    (select b.birth_date from users b where b.id = $1::uuid) as birth_date,
    o.username, o.display_name, o.avatar_url,
    exists (select from recording_files f where f.stream_id = v.stream_id and f.state = 'ready') as has_file
from videos v join users o on o.id = v.owner_id left join streams s on s.id = v.stream_id
"""
_MAY_SEE: Final = f"""
{IN_GOOD_STANDING.format("o")} and {_IS_THERE} and (v.owner_id = $1::uuid or {_IS_PLAYABLE})
and {LET_IN.format("v", _VISIBILITY, "v.id")}
"""
_IS_FOR: Final = f"""
exists (select from (select {_RESTRICTIONS} as restrictions, v.owner_id) as r
    where {unrestricted("r", viewer="$1", country="$3")})
"""
_PAGE: Final = "and ($4::uuid is null or v.id < $4) order by v.id desc limit $5"

SEEN: Final = f"{_VIDEOS} where v.id = $2 and {_MAY_SEE}"
CLAIMS_IT: Final = """
select exists (
    select from work_matches where media_id = $2 and holder_id = $1::uuid and state <> 'withdrawn')
"""
"""Whether a work of the person was found in it."""
MINE: Final = f"""
{_VIDEOS} where v.owner_id = $1 and {_IS_THERE} and ($2::uuid is null or v.id < $2) order by v.id desc limit $3
"""
LISTED: Final = f"""
{_VIDEOS} where v.id = any($2::uuid[])
    and {_IS_PLAYABLE} and {_VISIBILITY} in ('public', 'followers') and {_MAY_SEE} and {_IS_FOR}
    and {NOT_APART.format(person="v.owner_id", viewer="$1")}
"""
OF_PERSON: Final = f"""
{_VIDEOS} where v.owner_id = (select id from users where username_key = $2 and deleted_at is null)
    and {_IS_PLAYABLE} and {_VISIBILITY} in ('public', 'followers') and {_MAY_SEE} and {_IS_FOR}
    and {NOT_APART.format(person="v.owner_id", viewer="$1")} {_PAGE}
"""

_CARD: Final = f"""
v.id::text as id, v.owner_id::text as owner_id, coalesce(s.title, v.title) as title, {_VISIBILITY} as visibility,
(v.source ->> 'width')::int as width, (v.source ->> 'height')::int as height,
{_VISIBILITY} in ('public', 'unlisted') and coalesce({_RESTRICTIONS}, '{{}}'::jsonb) - 'content_warning' = '{{}}'::jsonb
    as is_open
"""
_CARDS: Final = "from videos v join users o on o.id = v.owner_id left join streams s on s.id = v.stream_id"
CARDS: Final = f"""
select {_CARD} {_CARDS} where v.id = any($2::uuid[]) and {_IS_PLAYABLE} and {_MAY_SEE}
    and (v.owner_id = $1::uuid or coalesce({_RESTRICTIONS}, '{{}}'::jsonb) - 'content_warning' = '{{}}'::jsonb)
"""
CARRIED: Final = f"""
select {_CARD}, v.upload_id::text as upload_id {_CARDS}
where v.owner_id = $1 and v.state = 'ready' and {_IS_THERE}
    and (v.id = any($2::uuid[]) or v.upload_id = any($2::uuid[]))
"""
TAKE_WISH: Final = """
update videos set wants_post = false
where id = $1 and wants_post and state = 'ready' and visibility in ('public', 'followers')
returning id::text, owner_id::text, title, visibility, (source ->> 'width')::int as width,
    (source ->> 'height')::int as height
"""

INSERT: Final = """
insert into videos (id, owner_id, upload_id, title, description, visibility, wants_post, state, created_at)
values ($1, $2, $3, $4, $5, $6, $7, 'processing', $8)
"""
RECORDED: Final = """
insert into videos (id, owner_id, stream_id, state, progress, duration_ms, created_at, ready_at)
select s.id, s.owner_id, s.id, 'ready', 1, $2, s.created_at, coalesce(s.ended_at, now())
from streams s where s.id = $1 on conflict (id) do nothing
"""
CHANGE: Final = """
update videos set title = coalesce($3, title), description = coalesce($4, description),
    visibility = coalesce($5, visibility)
where id = $1 and owner_id = $2 and stream_id is null returning id
"""
SET_CHAPTERS: Final = "update videos set chapters = $2 where id = $1"
OWNED: Final = """
select stream_id::text, upload_id::text, poster_upload_id::text from videos where id = $1 and owner_id = $2 for update
"""
DELETE: Final = "delete from videos where id = $1"
REMOVE_ALL: Final = "delete from videos where owner_id = $1 returning id::text"

# encoding

WORK: Final = "select owner_id::text, upload_id::text, state, edition, source, has_poster from videos where id = $1"
EDITION: Final = "select edition from videos where id = $1"
SET_SOURCE: Final = "update videos set source = $2, duration_ms = $3 where id = $1"
SET_PROGRESS: Final = "update videos set progress = greatest(progress, $2) where id = $1 and state = 'processing'"
SET_REASON: Final = "update videos set reason = $2 where id = $1"
SET_POSTER: Final = "update videos set has_poster = true where id = $1"
# A picture from the first third of the smallest rendition, as its encoder takes one.
POSTERLESS: Final = """
select r.init_key, g.object_key from videos v
join lateral (select name, init_key from video_renditions r where r.video_id = v.id and r.edition = v.edition
    and r.kind = 'video' and r.is_whole order by r.width * r.height limit 1) r on true
join lateral (select object_key from video_segments g where g.video_id = v.id and g.edition = v.edition
    and g.rendition = r.name order by g.number
    offset (select (count(*) - 1) / 3 from video_segments c where c.video_id = v.id and c.edition = v.edition
        and c.rendition = r.name) limit 1) g on true
where v.id = $1 and not v.has_poster
"""
OWN_POSTER: Final = "update videos set poster_upload_id = $2 where id = $1"
PLAYABLE: Final = "update videos set edition = greatest(edition, $2) where id = $1"
TRIM: Final = """
update videos set state = 'processing', progress = 0, reason = ''
where id = $1 and state = 'ready' returning edition
"""
NOT_TRIMMED: Final = """
update videos set state = 'ready', progress = 1, reason = $2
where id = $1 and (edition > 0 or stream_id is not null) returning owner_id::text
"""
TRIMMING: Final = """
update videos set progress = $2 where id = $1 and state = 'processing' returning owner_id::text
"""
RECORDING_TRIMMED: Final = """
update videos set state = 'ready', progress = 1, reason = '', begin_ms = $2, duration_ms = $3
where id = $1 returning owner_id::text
"""
# Of the first third, as of an upload.
RECORDED_PICTURE: Final = """
with found as (
    select g.object_key, g.init_key, row_number() over (order by g.segment) - 1 as place, count(*) over () as total
    from stream_segments g where g.stream_id = $1 and g.rendition = (
        select i.rendition from stream_inits i where i.stream_id = $1 and i.info ->> 'kind' = 'video'
        order by i.rendition = 'video' desc, i.rendition limit 1))
select object_key, init_key from found where place = (total - 1) / 3
"""
SPAN: Final = "update videos set begin_ms = $2, duration_ms = $3, muted = '[]' where id = $1"
COPY_RENDITION: Final = """
insert into video_renditions (video_id, edition, name, place, kind, codec, timescale, width, height, fps, channels,
    init_key)
select video_id, $2, name, place, kind, codec, timescale, width, height, fps, channels, init_key
from video_renditions where video_id = $1 and edition = $3 and name = $4 on conflict do nothing
"""
COPY_SEGMENTS: Final = """
insert into video_segments (video_id, edition, rendition, number, object_key, start, duration, bytes, key_bytes)
select video_id, $2, rendition, number, object_key, start, duration, bytes, key_bytes from video_segments
where video_id = $1 and edition = $3 and rendition = $4 and number > $5 and number < $6 on conflict do nothing
"""
READY: Final = """
update videos set state = 'ready', progress = 1, edition = $2, reason = '', ready_at = coalesce(ready_at, $3)
where id = $1 returning owner_id::text, duration_ms
"""
# What was shown before goes on being shown.
FAILED: Final = """
update videos set state = case when edition > 0 and edition < $3 then 'ready' else 'failed' end, reason = $2,
    progress = case when edition > 0 and edition < $3 then 1 else progress end
where id = $1 and state = 'processing' returning owner_id::text, state, progress
"""
FORGET_UNSHOWN: Final = """
with gone as (delete from video_segments where video_id = $1 and edition = $2)
delete from video_renditions where video_id = $1 and edition = $2
"""
# A trimmed one would be whole again.
ENCODE_AGAIN: Final = """
update videos set state = 'processing', progress = 0, reason = ''
where id = $1 and stream_id is null and upload_id is not null and state in ('ready', 'failed') and begin_ms = 0
    and (source is null or duration_ms >= (source ->> 'seconds')::float8 * 1000 - 200)
returning edition
"""
READY_UPLOADS: Final = """
select v.id::text as id, v.source, array(select r.name from video_renditions r
    where r.video_id = v.id and r.edition = v.edition and r.kind = 'video' and r.is_whole) as names
from videos v where v.state = 'ready' and v.stream_id is null and v.source is not null
    and ($1::uuid is null or v.id < $1) order by v.id desc limit $2
"""
NOT_MUTED: Final = "update videos set muted = '[]' where id = $1"
ADD_RENDITION: Final = """
insert into video_renditions
    (video_id, edition, name, place, kind, codec, timescale, width, height, fps, channels, init_key)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 from videos where id = $1 for key share
on conflict (video_id, edition, name) do update set codec = excluded.codec, init_key = excluded.init_key
"""
ADD_SEGMENT: Final = """
insert into video_segments (video_id, edition, rendition, number, object_key, start, duration, bytes, key_bytes)
select $1, $2, $3, $4, $5, $6, $7, $8, $9 from videos where id = $1 for key share
on conflict (video_id, edition, rendition, number) do update
set object_key = excluded.object_key, start = excluded.start, duration = excluded.duration, bytes = excluded.bytes,
    key_bytes = excluded.key_bytes
"""
HAVE: Final = """
select r.name, r.is_whole, (select count(*) from video_segments g
    where g.video_id = $1 and g.edition = $2 and g.rendition = r.name) as segments
from video_renditions r where r.video_id = $1 and r.edition = $2
"""
_RATES: Final = """
update video_renditions r set is_whole = r.is_whole or $4, peak_rate = m.peak, average_rate = m.average
from (select max(g.bytes * 8.0 / greatest(g.duration / q.timescale::float8, 0.5))::bigint as peak,
        (sum(g.bytes) * 8.0 / greatest(sum(g.duration) / max(q.timescale)::float8, 0.1))::bigint as average
    from video_segments g join video_renditions q using (video_id, edition)
    where g.video_id = $1 and g.edition = $2 and g.rendition = $3 and q.name = $3) m
where r.video_id = $1 and r.edition = $2 and r.name = $3 and m.peak is not null
"""
WHOLE: Final = _RATES.replace("$4", "true")
# One that has rates is played, though more of it is to come.
BEGUN: Final = _RATES.replace("$4", "false")
FORGET_FORMER: Final = """
with gone as (delete from video_segments where video_id = $1 and edition < $2)
delete from video_renditions where video_id = $1 and edition < $2
"""

# claims

RESTRICTED: Final = "select restrictions from videos where id = $1 and stream_id is null for update"
MUTED: Final = "select edition, state, muted from videos where id = $1 and stream_id is null and edition > 0"
SOUND_SEGMENTS: Final = """
select g.number, g.object_key as key, r.init_key, g.start * 1000.0 / r.timescale::float8 as begin_ms,
    (g.start + g.duration) * 1000.0 / r.timescale::float8 as end_ms
from video_segments g
join video_renditions r on r.video_id = g.video_id and r.edition = g.edition and r.name = g.rendition
where g.video_id = $1 and g.edition = $2 and g.rendition = $3 order by g.number
"""
NEXT_EDITION: Final = """
update videos set edition = edition + 1, muted = $3 where id = $1 and edition = $2 and state = 'ready'
"""
COPY_RENDITIONS: Final = """
insert into video_renditions (video_id, edition, name, place, kind, codec, timescale, width, height, fps, channels,
    init_key, is_whole, peak_rate, average_rate)
select video_id, edition + 1, name, place, kind, codec, timescale, width, height, fps, channels, init_key, is_whole,
    peak_rate, average_rate from video_renditions where video_id = $1 and edition = $2
"""
COPY_MUTED: Final = """
insert into video_segments (video_id, edition, rendition, number, object_key, start, duration, bytes, key_bytes,
    muted_key, muted_bytes)
select g.video_id, g.edition + 1, g.rendition, g.number, g.object_key, g.start, g.duration, g.bytes, g.key_bytes,
    m.key, m.bytes
from video_segments g left join unnest($4::int[], $5::text[], $6::bigint[]) m (number, key, bytes)
    on g.rendition = $3 and m.number = g.number
where g.video_id = $1 and g.edition = $2
"""

# playback

RENDITIONS: Final = """
select name, kind, codec, timescale, width, height, fps, channels, peak_rate, average_rate, init_key,
    is_whole
from video_renditions where video_id = $1 and edition = $2 and peak_rate is not null order by place, name
"""
RENDITIONS_OF: Final = """
select video_id::text, name, codec, width, height, fps, average_rate, is_whole from video_renditions
where (video_id, edition) in (select * from unnest($1::uuid[], $2::int[])) and peak_rate is not null and kind = 'video'
order by place
"""
SEGMENTS: Final = """
select number, object_key, start, duration, coalesce(muted_bytes, bytes) as bytes, key_bytes from video_segments
where video_id = $1 and edition = $2 and rendition = $3 order by number
"""
FILE: Final = """
select coalesce(muted_key, object_key) as object_key, coalesce(muted_bytes, bytes) as bytes
from video_segments where video_id = $1 and edition = $2 and rendition = $3 and number = $4
"""
INIT: Final = "select init_key from video_renditions where video_id = $1 and edition = $2 and name = $3"
PICTURED: Final = """
select r.name, r.init_key, r.timescale, g.number, g.object_key, g.start, g.duration, g.bytes, g.key_bytes
from video_segments g join lateral (
    select name, init_key, timescale from video_renditions where video_id = $1 and edition = $2 and is_whole
        and kind = 'video' order by width * height limit 1) r on g.rendition = r.name
where g.video_id = $1 and g.edition = $2 and g.start >= $3::bigint * r.timescale / 1000
    and g.start < $4::bigint * r.timescale / 1000
order by g.number limit $5
"""
# In order of time, so that a player that reads on finds sound and picture side by side.
FILE_SEGMENTS: Final = """
select r.name, r.init_key, coalesce(g.muted_key, g.object_key) as key
from videos v join video_renditions r on r.video_id = v.id and r.edition = v.edition
join video_segments g on g.video_id = v.id and g.edition = v.edition and g.rendition = r.name
where v.id = $1 and v.edition = $2 and r.is_whole and (r.kind = 'audio' or r.name = (
    select b.name from video_renditions b where b.video_id = $1 and b.edition = $2 and b.is_whole and b.kind = 'video'
    order by b.place limit 1))
order by g.start::float8 / r.timescale, r.kind desc
"""
SET_FILE: Final = """
update videos set file_edition = $2, file_head_bytes = $3, file_bytes = $4 where id = $1 and edition = $2
"""
PUT_CAPTIONS: Final = """
insert into video_captions (video_id, language, cues) select $1, $2, $3
where exists (select from video_captions where video_id = $1 and language = $2)
    or (select count(*) from video_captions where video_id = $1) < $4
on conflict (video_id, language) do update set cues = excluded.cues
"""
REMOVE_CAPTIONS: Final = "delete from video_captions where video_id = $1 and language = $2"
LANGUAGES: Final = """
select language, jsonb_array_length(cues) as cues from video_captions where video_id = $1 order by language
"""
CUES: Final = "select cues from video_captions where video_id = $1 and language = $2"
# ``added_ms`` and ``added_views`` are what the last beat came to, so that a beat that is written twice adds nothing.
_IS_VIEW: Final = """
excluded.is_playing is distinct from false
    and (not s.has_counted or excluded.seen_at - s.seen_at >= interval '30 minutes')
"""
BEAT: Final = f"""
with watched as (
    select id from videos where id = any($1::uuid[]) order by id for no key update
), beats as (
    insert into video_sittings as s (video_id, viewer, seen_at, beat_at, is_playing, added_ms, added_views, has_counted)
    select g.video_id, g.viewer, g.at, g.at, g.is_playing, 0, (g.is_playing is distinct from false)::int,
        g.is_playing is distinct from false
    from unnest($1::uuid[], $2::bytea[], $3::timestamptz[], $4::boolean[]) as g (video_id, viewer, at, is_playing)
    join watched on watched.id = g.video_id order by g.video_id, g.viewer
    on conflict (video_id, viewer) do update set
        seen_at = greatest(s.seen_at, excluded.seen_at),
        beat_at = case when excluded.is_playing is null then s.beat_at else greatest(s.beat_at, excluded.beat_at) end,
        is_playing = coalesce(excluded.is_playing, s.is_playing),
        added_ms = case when excluded.is_playing is not null and s.is_playing and excluded.beat_at > s.beat_at
            and excluded.beat_at - s.beat_at <= interval '30 seconds'
            then round(extract(epoch from excluded.beat_at - s.beat_at) * 1000) else 0 end,
        added_views = ({_IS_VIEW})::int,
        has_counted = s.has_counted or {_IS_VIEW}
    returning video_id, viewer, beat_at, added_ms, added_views
), days as (
    insert into video_days as d (video_id, day, watched_ms)
    select video_id, (beat_at at time zone 'UTC')::date, sum(added_ms) from beats where added_ms > 0 group by 1, 2
    on conflict (video_id, day) do update set watched_ms = d.watched_ms + excluded.watched_ms
), persons as (
    insert into video_watchers as w (video_id, person_id, day, watched_ms)
    select b.video_id, u.id, (b.beat_at at time zone 'UTC')::date, b.added_ms from beats b
    join unnest($1::uuid[], $2::bytea[], $5::uuid[]) as g (video_id, viewer, person_id) using (video_id, viewer)
    join users u on u.id = g.person_id where b.added_ms > 0
    on conflict (video_id, person_id, day) do update set watched_ms = w.watched_ms + excluded.watched_ms
), counted as (
    update videos v set views = v.views + s.views, watched_ms = v.watched_ms + s.ms
    from (select video_id, sum(added_views) as views, sum(added_ms) as ms from beats group by 1) s
    where v.id = s.video_id and (s.views > 0 or s.ms > 0)
)
select video_id::text as id, viewer from beats where added_views > 0
"""
FORGET_SITTINGS: Final = "delete from video_sittings where seen_at < $1"
FORGET_WATCHERS: Final = "delete from video_watchers where day < $1"
ERASE_WATCHER: Final = "delete from video_watchers where person_id = $1"
BEGIN: Final = "select begin_ms from videos where id = $1"
DURATION: Final = "select duration_ms from videos where id = $1"
