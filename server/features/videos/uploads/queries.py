"""The SQL of uploads."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = (
    "id, owner_id, state, kind, reason, size, received, filename, filetype, metadata, concat, joined_into, "
    "width, height, preview_width, preview_height, duration_ms, container, tracks, video_codec, audio_codec, blurhash, "
    "claimed_by, created_at, expires_at, direct_id"
)

LOCK_OWNER: Final = "select roles from users where id = $1 and deleted_at is null for no key update"
# A part of a larger upload takes the room of its bytes in that one, and an upload whose length is unknown what it has.
ROLES: Final = "select roles from users where id = $1"
# Of what is refused, and of a picture that is used, nothing is kept as it came.
HELD: Final = """
select count(*) filter (where claimed_by is null) as uploads,
       coalesce(sum(coalesce(size, received)) filter (where claimed_by is null), 0)::bigint as bytes,
       coalesce(sum(coalesce(size, received)) filter (
           where state <> 'refused' and (claimed_by is null or kind <> 'image')), 0)::bigint as stored
from uploads where owner_id = $1 and joined_into is null
"""
CREATE: Final = f"""
insert into uploads (id, owner_id, size, filename, filetype, metadata, concat, expires_at, received, state)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning {COLUMNS}
"""
OF: Final = f"select {COLUMNS} from uploads where id = $1 and owner_id = $2"
ANY: Final = f"select {COLUMNS} from uploads where id = $1"

# The latest request to write is the one that writes: the client of the one before has gone, or would not ask again.
LOCK: Final = f"select {COLUMNS}, writer from uploads where id = $1 and owner_id = $2 for no key update"
BEGIN: Final = "update uploads set writer = writer + 1, size = $2, expires_at = $3 where id = $1 returning writer"
# From here on no request of tus writes to it, nor does one that is under way.
BEGIN_DIRECT: Final = """
with begun as (
    update uploads set direct_id = $2, writer = writer + 1
    where id = $1 and direct_id is null and state = 'receiving' and received = 0 returning direct_id)
select coalesce((select direct_id from begun), (select direct_id from uploads where id = $1))
"""
GO_ON: Final = "update uploads set expires_at = $2 where id = $1 and state = 'receiving'"
RECEIVED: Final = "update uploads set received = size, expires_at = $2 where id = $1"
COMMIT: Final = """
update uploads set received = received + $4, expires_at = $5
where id = $1 and writer = $2 and received = $3 and state = 'receiving'
returning received, size, concat
"""
ADD_SEGMENT: Final = "insert into upload_segments (upload_id, start, size, key) values ($1, $2, $3, $4)"
SEGMENT_COUNT: Final = "select count(*) from upload_segments where upload_id = $1"
SEGMENTS: Final = "select start, size, key from upload_segments where upload_id = $1 order by start"
TO_CHECKING: Final = "update uploads set state = 'checking' where id = $1 and state = 'receiving'"

PARTS: Final = """
select id, size, received, concat, joined_into from uploads where id = any($1::uuid[]) and owner_id = $2
for no key update
"""
JOIN: Final = "update uploads set joined_into = $2 where id = any($1::uuid[])"
MOVE_SEGMENTS: Final = "update upload_segments set upload_id = $2, start = start + $3 where upload_id = $1"

READY: Final = """
update uploads set state = 'ready', expires_at = $2, kind = $3, width = $4, height = $5, preview_width = $6,
                   preview_height = $7, duration_ms = $8, container = $9, tracks = $10, video_codec = $11,
                   audio_codec = $12, blurhash = $13
where id = $1 and state = 'checking' returning owner_id
"""
REFUSED: Final = """
update uploads set state = 'refused', reason = $2, expires_at = $3
where id = $1 and state = 'checking' returning owner_id
"""
FORGET_SEGMENTS: Final = "delete from upload_segments where upload_id = $1"
PREFIXES: Final = "select id from uploads where id = $1 or joined_into = $1"

REMOVE: Final = "delete from uploads where id = $1 and owner_id = $2"
EXPIRED: Final = """
select id from uploads where expires_at < $1 and claimed_by is null and joined_into is null
order by expires_at limit 100
for no key update skip locked
"""
REMOVE_ANY: Final = "delete from uploads where id = $1"
ALL_OF: Final = f"select {COLUMNS} from uploads where owner_id = $1 and joined_into is null order by id"
REMOVE_ALL: Final = "delete from uploads where owner_id = $1 returning id"

CLAIM: Final = f"""
update uploads set claimed_by = $3
where id = any($1::uuid[]) and owner_id = $2 and state = 'ready' and claimed_by is null
returning {COLUMNS}
"""
SHOWN: Final = "select state = 'ready' and kind = 'image' from uploads where id = $1"
