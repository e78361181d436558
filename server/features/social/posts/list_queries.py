"""The SQL of lists: ids with the time that they are ordered by, behind a position (``$2``, ``$3``), ``$4`` at most."""

from __future__ import annotations

from typing import Final

from server.features.social.posts.read_queries import APART
from storage.seen_streams import IN_GOOD_STANDING

AUTHOR: Final = f"""
select u.id from users u where u.username_key = $1 and {IN_GOOD_STANDING.format("u")}
    and not {APART.format("u.id", "$2::uuid")}
"""
_NEWEST: Final = """
select id, published_at as at from posts
where {mine} = $1 and state = 'published' and {only}
    and ($2::timestamptz is null or (published_at, id) < ($2, $3::uuid))
order by published_at desc, id desc limit $4
"""
OF_AUTHOR: Final = {
    "posts": _NEWEST.format(mine="author_id", only="reply_to is null"),
    "replies": _NEWEST.format(mine="author_id", only="reply_to is not null"),
    "media": _NEWEST.format(mine="author_id", only="has_media"),
}
QUOTES: Final = _NEWEST.format(mine="quote_of", only="quote_of is not null")
REPLIES: Final = """
select id, published_at as at from posts
where reply_to = $1 and state <> 'scheduled' and ($2::timestamptz is null or (published_at, id) > ($2, $3::uuid))
order by published_at, id limit $4
"""
NEWEST_REPLIES: Final = """
select id, published_at as at from posts
where reply_to = $1 and state <> 'scheduled' and ($2::timestamptz is null or (published_at, id) < ($2, $3::uuid))
order by published_at desc, id desc limit $4
"""
ANCESTORS: Final = """
with recursive up as (
    select id, reply_to, 0 as depth from posts where id = $1
    union all
    select p.id, p.reply_to, up.depth + 1 from posts p join up on p.id = up.reply_to where up.depth < 50)
select id from up order by depth
"""
PINNED: Final = """
select x.post_id from pinned_posts x join users u on u.id = x.author_id where u.username_key = $1
"""
