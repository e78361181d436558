"""The SQL of comments."""

from __future__ import annotations

from typing import Final

from server.features.town.projects.queries import ONE_DOCUMENT
from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

HOLD_DOCUMENT: Final = ONE_DOCUMENT + " for update of d"
COUNT_THREADS: Final = "select count(*) from project_comments where document_id = $1 and thread_id is null"
COUNT_REPLIES: Final = "select count(*) from project_comments where thread_id = $1"
ADD: Final = """
insert into project_comments (id, document_id, thread_id, author_id, text, quote, place, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""
# What was written by who is gone stays, without a name.
SHOWN: Final = f"""
select c.id, c.document_id, c.thread_id, c.author_id, c.text, c.quote, c.place, c.created_at, c.changed_at,
    c.resolved_at, u.username, u.display_name, {AVATAR_URL}
from project_comments c left join users u on u.id = c.author_id
where (c.author_id is null
    or {IN_GOOD_STANDING.format("u")} and {NOT_APART.format(person="c.author_id", viewer="$1")})
"""
ONE: Final = SHOWN + "and c.document_id = $2 and c.id = $3"
THREADS: Final = (
    SHOWN
    + """
and c.document_id = $2 and c.thread_id is null and (c.resolved_at is not null) = $3
and ($4::uuid is null or c.id > $4) order by c.id limit $5
"""
)
REPLIES: Final = SHOWN + "and c.thread_id = any($2::uuid[]) order by c.id"
CHANGE: Final = "update project_comments set text = $2, changed_at = $3 where id = $1"
RESOLVE: Final = "update project_comments set resolved_at = $2 where id = $1"
REMOVE: Final = "delete from project_comments where id = $1"
