"""The SQL that writes posts."""

from __future__ import annotations

from typing import Final

from server.features.social.posts.read_queries import APART, READABLE
from storage.seen_streams import IN_GOOD_STANDING, OLD_ENOUGH

# What a new post answers or quotes, or what an act is on: a repost stands for what it repeats. Rows are locked the
# newest first, as a deletion locks a post before what it answers, so that no two transactions wait for one another.
TARGETS: Final = f"""
select a.id as asked, p.id, p.author_id, p.root_id, p.visibility, p.community_id, p.quote_of, p.reactions,
    u.is_private
from unnest($2::uuid[]) a (id) join posts r on r.id = a.id join posts p on p.id = coalesce(r.repost_of, r.id)
join users u on u.id = p.author_id
where {READABLE} and (p.author_id = $1::uuid or {OLD_ENOUGH.format(row="p", viewer="$1::uuid")})
order by p.id desc for no key update of p
"""
# Whom a text names, but those with whom there is a block either way.
NAMED: Final = f"""
select u.id from users u where u.username_key = any($2::text[]) and u.id <> $1 and {IN_GOOD_STANDING.format("u")}
    and not {APART.format("u.id", "$1::uuid")}
"""
INSERT: Final = """
insert into posts (id, author_id, text, reply_to, root_id, quote_of, community_id, visibility, content_warning,
    language, link, has_media, state, published_at, publish_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
ADD_MEDIA: Final = """
insert into post_media (post_id, position, id, kind, url, preview_url, width, height, alt)
select $1, m.* from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[],
    $9::text[]) m
"""
ADD_POLL: Final = """
insert into post_polls (post_id, options, counts, is_multiple, seconds, ends_at)
values ($1, $2, array_fill(0, array[cardinality($2::text[])]), $3, $4::int, $5::timestamptz)
"""
ADD_MENTIONS: Final = """
insert into post_mentions (post_id, person_id, is_named) select $1, p, $3 from unnest($2::uuid[]) p
on conflict (post_id, person_id) do update set is_named = true where excluded.is_named
returning person_id
"""
ADD_TAGS: Final = """
insert into post_hashtags (tag, post_id, published_at, author_id) select t, $1, $3, $4 from unnest($2::text[]) t
"""

# What a removed post of $1 answered ($2) and quoted ($3), unless another one of theirs does.
LEFT: Final = """
select case when not exists (select from posts where reply_to = $2 and author_id = $1 and state = 'published')
        then $2::uuid end as reply_to,
    case when not exists (select from posts where quote_of = $3 and author_id = $1 and state = 'published')
        then $3::uuid end as quote_of
"""
_HELD: Final = """
select p.id, p.state, p.reply_to, p.root_id, p.quote_of, p.repost_of, p.community_id, p.visibility, p.text,
    p.content_warning, p.language, p.has_media, p.published_at, p.publish_at, p.created_at, p.edited_at, p.edits,
    p.stream_id, p.author_id,
    exists (select from post_polls q where q.post_id = p.id) as has_poll
from posts p where p.id = $1 and
"""
PUBLISHED: Final = "select author_id from posts where id = $1 and state = 'published' and repost_of is null"
KEEP_WITHHELD: Final = "update posts set deleted_at = null where id = $1"
RESTORE: Final = """
update posts set state = 'published', deleted_at = null
where id = $1 and state = 'deleted' and author_id is not null and published_at is not null
returning id, author_id, text, reply_to, quote_of, repost_of, published_at
"""
OWN: Final = _HELD + "p.author_id = $2 and p.state <> 'deleted' for update"
OF_COMMUNITY: Final = _HELD + "p.community_id = $2 and p.state = 'published' for update"
DELETE: Final = "update posts set state = 'deleted', deleted_at = $2 where id = $1"
FORGET_TAGS: Final = "delete from post_hashtags where post_id = $1"
UNPIN: Final = "delete from pinned_posts where post_id = $1"
WIPE: Final = "delete from posts where id = $1"
