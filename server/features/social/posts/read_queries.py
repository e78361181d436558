"""The SQL that reads posts, and the one condition under which a person may read one."""

from __future__ import annotations

from typing import Final

from server.features.people.hidden_words import OWN
from storage.pictures import AVATAR_URL
from storage.plans import PlannedOnce
from storage.seen_streams import IN_GOOD_STANDING, MUTE_HOLDS

_FOLLOWS: Final = "exists (select from follows f where f.followee_id = p.author_id and f.follower_id = $1::uuid)"
_IS_NAMED: Final = "exists (select from post_mentions m where m.post_id = p.id and m.person_id = $1::uuid)"

APART: Final = """
(exists (select from blocks b where b.user_id = {0} and b.blocked_id = {1})
    or exists (select from blocks b where b.user_id = {1} and b.blocked_id = {0}))
"""
READABLE: Final = f"""
(p.state = 'published' and {IN_GOOD_STANDING.format("u")} and (p.author_id = $1::uuid or (
    not {APART.format("p.author_id", "$1::uuid")}
    and (p.visibility = 'community' or (p.visibility = 'public' and not u.is_private)
        or (p.visibility in ('public', 'followers') and {_FOLLOWS}) or {_IS_NAMED}))))
"""
"""``$1``: who asks, or null. ``p``: a row of ``posts``, ``u``: its author. Whether a community's posts may be read is
its own to say."""
MUTED: Final = f"""
exists (select from mutes x where x.user_id = $1::uuid and x.muted_id = p.author_id and {MUTE_HOLDS.format("x")})
"""

_MENTIONS: Final = """
(select jsonb_agg(jsonb_build_object('id', n.id, 'username', n.username) order by n.username_key)
 from post_mentions m join users n on n.id = m.person_id
 where m.post_id = p.id and m.is_named and n.deleted_at is null)
"""
_MEDIA: Final = """
(select jsonb_agg(jsonb_build_object('id', m.id, 'kind', m.kind, 'url', m.url, 'preview_url', m.preview_url,
    'width', m.width, 'height', m.height, 'alt', m.alt) order by m.position)
 from post_media m where p.has_media and m.post_id = p.id)
"""
_VIEWER: Final = """
array(select r.emoji from post_reactions r where r.post_id = p.id and r.person_id = $1::uuid order by r.emoji)
    as my_reactions,
exists (select from posts x where x.repost_of = p.id and x.author_id = $1::uuid and x.state = 'published')
    as is_reposted,
exists (select from bookmarks b where b.post_id = p.id and b.person_id = $1::uuid) as is_bookmarked,
(select v.options from post_votes v where v.post_id = p.id and v.person_id = $1::uuid) as my_votes
"""
_COLUMNS: Final = f"""
p.id, p.author_id, p.text, p.reply_to, p.root_id, p.quote_of, p.repost_of, p.community_id, p.stream_id, p.video_id,
p.visibility, p.content_warning, p.restrictions, p.language, p.state, p.published_at, p.publish_at, p.created_at,
p.edited_at,
p.replies, p.reposts, p.quotes, p.reactions,
u.username, u.display_name, {AVATAR_URL}, {MUTED} as is_muted,
{_MENTIONS} as mentions, {_MEDIA} as media,
q.options as poll_options, q.counts as poll_counts, q.voters, q.is_multiple, q.ends_at,
l.url as link, l.title, l.description, l.site_name, l.image_url,
{_VIEWER},
{OWN.format(person="$1::uuid", now="$3::timestamptz")} as hidden_words,
case when p.restrictions is not null then (select b.birth_date from users b where b.id = $1::uuid) end as birth_date
"""

# What is asked for, what that quotes or repeats, and what the repeated quotes. ``$3``: now.
READ: Final = PlannedOnce(f"""
with asked as (select id, quote_of, repost_of from posts where id = any($2::uuid[])),
further as (select id, quote_of from posts
    where id in (select quote_of from asked union all select repost_of from asked)),
wanted as (select id from asked union select id from further union select quote_of from further)
select {_COLUMNS}
from posts p left join users u on u.id = p.author_id
left join post_polls q on q.post_id = p.id
left join link_previews l on l.url = p.link and l.is_ready
where p.id = any(array(select id from wanted))
    and ({READABLE} or (p.state = 'scheduled' and p.author_id = $1::uuid) or (p.state = 'deleted' and p.replies > 0))
""")
