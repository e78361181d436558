"""The SQL of reactions, reposts, votes and bookmarks."""

from __future__ import annotations

from typing import Final

ORIGINAL: Final = "select coalesce(repost_of, id) from posts where id = $1 and state <> 'scheduled'"

MY_REACTIONS: Final = "select array(select emoji from post_reactions where post_id = $1 and person_id = $2)"
REACT: Final = "insert into post_reactions (post_id, person_id, emoji, created_at) values ($1, $2, $3, $4)"
UNREACT: Final = """
delete from post_reactions where post_id = $1 and person_id = $2 and replace(emoji, '\ufe0f', '') = $3 returning emoji
"""

REPOST: Final = """
insert into posts (id, author_id, repost_of, visibility, community_id, state, published_at, created_at)
values ($1, $2, $3, $4, $5, 'published', $6, $6)
on conflict (repost_of, author_id) where state = 'published' do nothing
"""
UNREPOST: Final = "delete from posts where repost_of = $1 and author_id = $2 and state = 'published' returning id"
WITHDRAW_QUOTE: Final = """
update posts p set quote_of = null from posts q
where p.id = $1 and q.id = p.quote_of and q.author_id = $2 and p.state = 'published' returning q.id
"""

POLL: Final = """
select q.options, q.voters, q.is_multiple, q.ends_at,
    (select v.options from post_votes v where v.post_id = q.post_id and v.person_id = $2) as my_votes
from post_polls q where q.post_id = $1 for update of q
"""
VOTE: Final = "insert into post_votes (post_id, person_id, options, voted_at) values ($1, $2, $3, $4)"
COUNT_VOTE: Final = """
update post_polls set voters = voters + 1, counts = (
    select array_agg(c.n + (c.at - 1 = any($2::int[]))::int order by c.at)
    from unnest(counts) with ordinality c (n, at))
where post_id = $1
"""

BOOKMARK: Final = """
insert into bookmarks (person_id, post_id, folder_id, created_at) values ($1, $2, $3, $4)
on conflict (person_id, post_id) do update set folder_id = excluded.folder_id
"""
UNBOOKMARK: Final = (
    "delete from bookmarks where person_id = $1 and post_id = (select coalesce(repost_of, id) from posts where id = $2)"
)
BOOKMARKS: Final = """
select post_id as id, created_at as at from bookmarks
where person_id = $1 and ($2::timestamptz is null or (created_at, post_id) < ($2, $3::uuid))
order by created_at desc, post_id desc limit $4
"""
BOOKMARKS_IN: Final = """
select b.post_id as id, b.created_at as at from bookmarks b
where b.folder_id = $5 and b.person_id = $1 and ($2::timestamptz is null or (b.created_at, b.post_id) < ($2, $3::uuid))
order by b.created_at desc, b.post_id desc limit $4
"""
FOLDERS: Final = """
select id, name, created_at from bookmark_folders where person_id = $1 order by name_key limit 100
"""
LOCK_FOLDERS: Final = "select pg_advisory_xact_lock(hashtextextended($1::text, 9))"
ADD_FOLDER: Final = """
insert into bookmark_folders (id, person_id, name, name_key, created_at)
select $1, $2, $3, $4, $5 where (select count(*) from bookmark_folders where person_id = $2) < $6
on conflict (person_id, name_key) do nothing returning id, name, created_at
"""
HAS_FOLDER: Final = "select exists (select from bookmark_folders where id = $1 and person_id = $2)"
FOLDER_NAMED: Final = "select exists (select from bookmark_folders where person_id = $1 and name_key = $2)"
RENAME_FOLDER: Final = """
update bookmark_folders set name = $3, name_key = $4 where id = $1 and person_id = $2
    and not exists (select from bookmark_folders f where f.person_id = $2 and f.name_key = $4 and f.id <> $1)
returning id, name, created_at
"""
DROP_FOLDER: Final = "delete from bookmark_folders where id = $1 and person_id = $2"

PIN: Final = """
insert into pinned_posts (author_id, post_id)
select author_id, id from posts where id = $2 and author_id = $1 and state = 'published' and repost_of is null
on conflict (author_id) do update set post_id = excluded.post_id
"""
UNPIN: Final = "delete from pinned_posts where author_id = $1 and post_id = $2"
