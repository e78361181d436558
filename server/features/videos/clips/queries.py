"""The SQL of clips. ``$1`` is the viewer's id or null, where a statement judges who may see what."""

from __future__ import annotations

from typing import Final

from storage.chat_rows import badge_columns
from storage.seen_streams import IN_GOOD_STANDING, LET_IN, NOT_APART, unrestricted

MAX_MESSAGES: Final = 1_000
"""Kept with a clip. Of a room that wrote more, evenly chosen ones."""

_VISIBILITY: Final = "coalesce(s.visibility, c.visibility)"
_RESTRICTIONS: Final = "case when s.id is null then c.restrictions else s.restrictions end"
_MAY_SEE: Final = f"""
{IN_GOOD_STANDING.format("o")} and {IN_GOOD_STANDING.format("u")}
and {LET_IN.format("c", _VISIBILITY, "c.stream_id")}
"""
_CLIPS: Final = f"""
select c.id, c.stream_id, c.room_id, c.title, c.from_ms, c.to_ms, c.file, c.has_thumbnail, c.created_at,
    {_VISIBILITY} as visibility, {_RESTRICTIONS} as restrictions,
    (select b.birth_date from users b where b.id = $1::uuid) as birth_date, c.owner_id,
    o.username as owner_username, o.display_name as owner_display_name,
    o.avatar_url as owner_avatar_url, c.creator_id, u.username as creator_username,
    u.display_name as creator_display_name, u.avatar_url as creator_avatar_url
from clips c join users o on o.id = c.owner_id join users u on u.id = c.creator_id
    left join streams s on s.id = c.stream_id
"""
_IS_FOR: Final = f"""
and exists (select from (select {_RESTRICTIONS} as restrictions, c.owner_id) as r
    where {unrestricted("r", viewer="$1", country="$5")})
"""
_SHOWN: Final = f"""
{NOT_APART.format(person="c.owner_id", viewer="$1")} and {NOT_APART.format(person="c.creator_id", viewer="$1")}
"""
_PAGE: Final = f"{_IS_FOR} and {_SHOWN} and ($3::uuid is null or c.id < $3) order by c.id desc limit $4"

CLIP: Final = f"{_CLIPS} where c.id = $2 and {_MAY_SEE}"
OF_STREAM: Final = f"{_CLIPS} where c.stream_id = $2 and {_MAY_SEE} {_PAGE}"
OF_PERSON: Final = f"""
{_CLIPS} where c.owner_id = (select id from users where username_key = $2 and deleted_at is null)
    and (c.owner_id = $1::uuid or {_VISIBILITY} = 'public') and {_MAY_SEE} {_PAGE}
"""
LISTED: Final = f"""
{_CLIPS} where c.id = any($2::uuid[]) and {_VISIBILITY} in ('public', 'followers') and {_MAY_SEE} {_PAGE}
"""
DELETE: Final = """
delete from clips where id = $1 and ($3 or owner_id = $2 or creator_id = $2) returning stream_id, owner_id, creator_id
"""
INSERT: Final = """
insert into clips (id, stream_id, room_id, owner_id, creator_id, title, visibility, from_ms, to_ms, file, has_thumbnail,
    restrictions)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
COPY_MESSAGES: Final = f"""
insert into clip_messages (clip_id, "offset", id, user_id, text, sent_at, media_time_ms, reply_to)
select $1, m."offset", m.id, m.user_id, m.text, m.sent_at, m.media_time_ms, m.reply_to
from (
    select m.*, row_number() over (order by m."offset") as n, count(*) over () as total
    from chat_messages m join users u on u.id = m.user_id and u.deleted_at is null
        join chat_rooms r on r.id = m.room_id
    where m.room_id = $2 and m.media_time_ms >= $3 and m.media_time_ms <= $4 and m.deleted_at is null
        and m."offset" > r.cleared_to) m
where n % ceil(total / {MAX_MESSAGES}.0)::int = 0
"""
MESSAGES: Final = f"""
select m.id, m."offset", m.user_id, u.username, u.display_name, m.text, m.sent_at, m.media_time_ms, m.reply_to,
    {badge_columns(room_id="c.room_id", owner_id="c.owner_id")}
from clip_messages m join clips c on c.id = m.clip_id join users u on u.id = m.user_id
    left join chat_messages l on l.room_id = c.room_id and l."offset" = m."offset"
    left join chat_rooms r on r.id = c.room_id
where m.clip_id = $1 and l.deleted_at is null and m."offset" > coalesce(r.cleared_to, 0)
    and {IN_GOOD_STANDING.format("u")} order by m."offset"
"""

FILE: Final = "select file from clips where id = $1"
_FILES: Final = "(select id, file from clips where {} = $1 and id > $2 order by id limit $3)"
FILES: Final = f"{_FILES.format('creator_id')} union {_FILES.format('owner_id')} order by id limit $3"
SET_PICTURE: Final = """
update clips set file = jsonb_set(file, '{picture}', to_jsonb($2::text)), has_thumbnail = true where id = $1
"""

SETTINGS: Final = "select others_may_clip from clip_settings where user_id = $1"
SET: Final = """
insert into clip_settings (user_id, others_may_clip) values ($1, $2)
on conflict (user_id) do update set others_may_clip = excluded.others_may_clip
"""
ERASE: Final = (
    "delete from clips where owner_id = $1 or creator_id = $1",
    "delete from clip_messages where user_id = $1",
    "delete from clip_settings where user_id = $1",
)
