"""What goes into the index: each kind of document, read from where it stands.

What nobody but its owner and those invited may see is not in the index at all. To whom else a document is shown, and
whether its author is there at the moment, is judged by each search anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.features.discovery.search.index import Document, Kind
from storage.postgres import Reads, Row


@dataclass(frozen=True, kw_only=True)
class Source:
    """``documents``: SQL from ids ($1) to the columns of ``Document``. ``ids``: SQL of those after an id ($1), in
    order, at most $2.
    """

    kind: Kind
    documents: str
    ids: str

    async def read(self, reads: Reads, ids: Sequence[str]) -> list[Document]:
        """Those of the ids that belong into the index."""
        return [self._document(row) for row in await reads.fetch(self.documents, list(ids))]

    async def after(self, reads: Reads, after_id: str, limit: int) -> list[str]:
        return [row["id"] for row in await reads.fetch(self.ids, after_id, limit)]

    def _document(self, row: Row) -> Document:
        return Document(kind=self.kind, **dict(row))


def _ids(table: str) -> str:
    return f"select id from {table} where id > $1 order by id limit $2"


_PEOPLE: Final = """
select u.id, u.id as author_id, u.username || ' ' || u.display_name as title, u.bio as text,
    (select count(*) from (select from follows f where f.followee_id = u.id limit 100000) f)::float8 as popularity
from users u where u.id = any($1::uuid[]) and u.deleted_at is null
"""
_STREAM_COLUMNS: Final = """
s.id, s.owner_id as author_id, s.id as stream_id, s.title,
concat_ws(' ', s.description, s.category, (select string_agg('#' || replace(t, ' ', '_'), ' ') from unnest(s.tags) t),
    array_to_string(s.tags, ' ')) as text, u.username || ' ' || u.display_name as by
"""
_SHOWN_STREAM: Final = """
s.id = any($1::uuid[]) and s.visibility in ('public', 'followers') and u.deleted_at is null
"""
_STREAMS: Final = f"""
select {_STREAM_COLUMNS}, coalesce(s.started_at, s.created_at) as at,
    s.peak_viewers + case when s.state in ('live', 'interrupted') then 1000.0 else 0.0 end::float8 as popularity
from streams s join users u on u.id = s.owner_id where {_SHOWN_STREAM}
"""
_RECORDINGS: Final = f"""
select {_STREAM_COLUMNS}, s.ended_at as at, s.peak_viewers::float8 as popularity
from streams s join users u on u.id = s.owner_id
where {_SHOWN_STREAM} and s.state = 'ended' and s.ended_at is not null
    and exists (select from stream_segments g where g.stream_id = s.id)
"""
_CLIPS: Final = """
select c.id, c.owner_id as author_id, c.title, c.created_at as at,
    concat_ws(' ', s.title, s.category) as text, u.username || ' ' || u.display_name as by, 0.0::float8 as popularity
from clips c join users u on u.id = c.owner_id left join streams s on s.id = c.stream_id
where c.id = any($1::uuid[]) and coalesce(s.visibility, c.visibility) in ('public', 'followers')
"""
_POSTS: Final = """
select p.id, p.author_id, '' as title, p.published_at as at, concat_ws(' ', p.text, p.content_warning) as text,
    p.replies + 2.0 * p.reposts + 2.0 * p.quotes
        + (select coalesce(sum(r.count::int), 0) from jsonb_each_text(p.reactions) as r (emoji, count))::float8
        as popularity
from posts p where p.id = any($1::uuid[]) and p.state = 'published' and p.repost_of is null
    and p.visibility in ('public', 'followers', 'community') and p.author_id is not null
"""
# A document has an author: that of a community is its owner. Who may find it is judged by each search.
_COMMUNITIES: Final = """
select c.id, m.person_id as author_id, c.title || ' ' || c.name as title, c.description as text,
    c.members::float8 as popularity
from communities c join community_members m on m.community_id = c.id and m.state = 'member' and m.role = 'owner'
where c.id = any($1::uuid[])
"""

SOURCES: Final[Mapping[Kind, Source]] = {
    one.kind: one
    for one in (
        Source(kind="person", documents=_PEOPLE, ids=_ids("users")),
        Source(kind="stream", documents=_STREAMS, ids=_ids("streams")),
        Source(kind="recording", documents=_RECORDINGS, ids=_ids("streams")),
        Source(kind="clip", documents=_CLIPS, ids=_ids("clips")),
        Source(kind="post", documents=_POSTS, ids=_ids("posts")),
        Source(kind="community", documents=_COMMUNITIES, ids=_ids("communities")),
    )
}
