"""The texts that are screened, read from where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.features.safety.cases import Subject
from server.features.safety.screening.verdicts import Kind
from storage.postgres import Reads

MAX_CHARS: Final = 4_000

_READ: Final[Mapping[Kind, str]] = {
    "post": """
select p.author_id as owner_id, '/posts/' || p.id as url, concat_ws(E'\\n', p.text,
    (select string_agg(o, E'\\n') from post_polls q, unnest(q.options) o where q.post_id = p.id)) as text,
    false as is_on_air
from posts p where p.id = $1 and p.state = 'published' and p.repost_of is null and p.author_id is not null
""",
    "person": """
select u.id as owner_id, '/@' || u.username as url, concat_ws(E'\\n', u.username, u.display_name, u.bio) as text,
    false as is_on_air
from users u where u.id = $1 and u.deleted_at is null
""",
    "stream": """
select s.owner_id, '/watch/' || s.id as url, concat_ws(E'\\n', s.title, s.description) as text,
    s.state in ('live', 'interrupted') as is_on_air
from streams s where s.id = $1
""",
    "community": """
select (select o.person_id from community_members o where o.community_id = c.id and o.role = 'owner'
        and o.state = 'member' limit 1) as owner_id, '/c/' || c.name as url,
    concat_ws(E'\\n', c.name, c.title, c.description) as text, false as is_on_air
from communities c where c.id = $1
""",
    "video": """
select v.owner_id, '/videos/' || v.id as url, concat_ws(E'\\n', v.title, v.description) as text, false as is_on_air
from videos v where v.id = $1
""",
    "message": """
select m.user_id as owner_id, coalesce('/watch/' || r.stream_id,
    (select '/c/' || c.name from communities c where c.id = m.room_id)) as url, m.text, m.room_id, false as is_on_air
from chat_messages m join chat_rooms r on r.id = m.room_id
where m.id = $1 and m.deleted_at is null and m."offset" > r.cleared_to
    and exists (select from users u where u.id = m.user_id)
""",
}


async def text_of(reads: Reads, kind: Kind, subject_id: str) -> tuple[Subject, str] | None:
    """None for what is not there any more."""
    row = await reads.fetchrow(_READ[kind], subject_id)
    if row is None:
        return None
    text = row["text"][:MAX_CHARS]
    evidence = {"text": text, "url": row["url"]}
    subject = Subject(
        kind=kind,
        id=subject_id,
        owner_id=row["owner_id"],
        evidence=evidence,
        room_id=row["room_id"] if kind == "message" else None,
        is_on_air=row["is_on_air"],
    )
    return subject, text
