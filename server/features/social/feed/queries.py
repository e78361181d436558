"""The SQL of feeds."""

from __future__ import annotations

from typing import Final

from storage.decay import ADDED
from storage.plans import PlannedOnce

# What a home feed holds of an author: what they say to all or to their followers; answers stand in their threads.
_IS_FOR_FEEDS: Final = "p.state = 'published' and p.reply_to is null and p.visibility in ('public', 'followers')"
_COLUMNS: Final = "p.published_at, p.id, p.author_id, p.stream_id"
# Without a position, everything is older: a bound that an index takes, whatever the values are.
_POSITION: Final = "(coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
_OLDER: Final = f"(p.published_at, p.id) < {_POSITION}"
_NEWEST: Final = "order by p.published_at desc, p.id desc limit $4"


def _of_authors(authors: str) -> str:
    """The newest of each author first: an index scan of at most the limit for each, however much they have written."""
    return f"""
select p.published_at, p.id, p.stream_id, case when p.author_id = $1 then 'own' else 'following' end as reason,
    null::text as tag
from ({authors}) a cross join lateral (
    select {_COLUMNS} from posts p where p.author_id = a.id and {_IS_FOR_FEEDS} and {_OLDER} {_NEWEST}
) p
"""


_FOLLOWED: Final = "select followee_id as id from follows where follower_id = $1"
_PULLED: Final = """
select $1::uuid as id
union
select f.followee_id from feed_pulled x join follows f on f.follower_id = $1 and f.followee_id = x.author_id
union
select followee_id from follows where follower_id = $1 and created_at > $5
"""
_TAGGED: Final = f"""
select p.published_at, p.id, p.stream_id, 'hashtag' as reason, h.tag
from feed_hashtags h cross join lateral (
    select {_COLUMNS} from post_hashtags t join posts p on p.id = t.post_id
    where t.tag = h.tag and p.visibility = 'public' and p.state = 'published' and p.reply_to is null
        and (t.published_at, t.post_id) < {_POSITION}
    order by t.published_at desc, t.post_id desc limit $4
) p
where h.person_id = $1
"""
# What is posted in the communities that the person is a member of.
_IN_COMMUNITIES: Final = f"""
select p.published_at, p.id, p.stream_id, 'community' as reason, null::text as tag
from community_members m cross join lateral (
    select {_COLUMNS} from posts p
    where p.community_id = m.community_id and p.state = 'published' and p.reply_to is null and p.repost_of is null
        and {_OLDER} {_NEWEST}
) p
where m.person_id = $1 and m.state = 'member'
"""
# A post that several sources have counts once, before the limit does: its author is the nearest reason, then its
# community.
_ONCE: Final = """
select distinct on (p.published_at, p.id) * from ({0}) p
order by p.published_at desc, p.id desc, p.reason = 'hashtag', p.reason = 'community' limit $4
"""
_IS_FOLLOWED: Final = "exists (select from follows f where f.follower_id = $1 and f.followee_id = p.author_id)"

CHRONOLOGICAL: Final = PlannedOnce(
    _ONCE.format(f"{_of_authors(f'{_FOLLOWED} union select $1')} union all {_TAGGED} union all {_IN_COMMUNITIES}")
)
"""$1 person, $2 and $3 the position before which, $4 how many. What a home feed is, without any cache."""

FOLLOWED_POSTS: Final = PlannedOnce(f"select published_at, id from ({_of_authors(_FOLLOWED)}) p {_NEWEST}")
"""As ``CHRONOLOGICAL``, of followed people alone: what a timeline is made of."""

_TIMELINE: Final = f"select {_COLUMNS} from posts p where p.id = any($6::uuid[]) and {_IS_FOR_FEEDS} and {_OLDER}"
# What was written in the last moments is looked up as well, since it may not have been pushed yet. Ids grow with time.
_UNPUSHED: Final = f"select {_COLUMNS} from posts p where p.id > $7::uuid and {_IS_FOR_FEEDS} and {_OLDER}"
HOME: Final = PlannedOnce(
    _ONCE.format(f"""
    select p.published_at, p.id, p.stream_id, 'following' as reason, null::text as tag
    from ({_TIMELINE} union all {_UNPUSHED}) p where {_IS_FOLLOWED}
    union all {_of_authors(_PULLED)}
    union all {_TAGGED}
    union all {_IN_COMMUNITIES}
""")
)
"""As ``CHRONOLOGICAL``, where $6 are the posts of the timeline, $5 when it was made, and $7 the id from which on posts
may not have been pushed yet."""

OF_TAG: Final = PlannedOnce(f"""
select t.published_at, t.post_id as id, t.author_id, p.stream_id, 'hashtag' as reason, t.tag
from post_hashtags t join posts p on p.id = t.post_id
where t.tag = $1 and (t.published_at, t.post_id) < {_POSITION}
    and p.visibility = 'public' and p.state = 'published'
order by t.published_at desc, t.post_id desc limit $4
""")
NEWEST: Final = PlannedOnce(f"""
select {_COLUMNS}, 'new' as reason, null::text as tag from posts p
where p.state = 'published' and p.visibility = 'public' and p.reply_to is null and p.repost_of is null
    and {_OLDER} and p.author_id is distinct from $1::uuid
{_NEWEST}
""")
POPULAR: Final = PlannedOnce(f"""
select {_COLUMNS}, 'popular' as reason, null::text as tag
from (select post_id from feed_popular order by score desc, post_id desc limit $2) x join posts p on p.id = x.post_id
where p.state = 'published' and p.visibility = 'public' and p.reply_to is null
    and p.author_id is distinct from $1::uuid
""")

FEATURES: Final = PlannedOnce("""
select p.id, p.author_id, extract(epoch from $3::timestamptz - p.published_at)::float8 as age_s,
    o.replies * 2 + o.reposts * 3 + o.quotes * 3 + coalesce(r.reactions, 0) as engagement,
    a.score as affinity, coalesce(s.state = 'live', false) as is_live
from posts p
join posts o on o.id = coalesce(p.repost_of, p.id)
left join feed_affinity a on a.person_id = $1 and a.author_id = p.author_id
left join streams s on s.id = p.stream_id
left join lateral (select sum(value::bigint) as reactions from jsonb_each_text(o.reactions)) r on o.reactions <> '{}'
where p.id = any($2::uuid[])
""")

FOLLOW_TAG: Final = """
insert into feed_hashtags (person_id, tag)
select $1, $2 where (select count(*) < $3 or coalesce(bool_or(tag = $2), false) from feed_hashtags where person_id = $1)
on conflict (person_id, tag) do update set tag = excluded.tag
"""
UNFOLLOW_TAG: Final = "delete from feed_hashtags where person_id = $1 and tag = $2"
FOLLOWS_TAG: Final = "select exists (select from feed_hashtags where person_id = $1 and tag = $2)"
FOLLOWED_TAGS: Final = """
select tag, created_at from feed_hashtags where person_id = $1 order by tag limit $2
"""

ARE_MANY: Final = "select count(*) > $2 from (select from follows where followee_id = $1 limit $2 + 1) f"
PULL: Final = "insert into feed_pulled (author_id) values ($1) on conflict do nothing"
IS_PULLED: Final = "select exists (select from feed_pulled where author_id = $1)"

NOTE_AFFINITY: Final = f"""
insert into feed_affinity (person_id, author_id, score)
select $1, $2, $3 where exists (select from users where id = $1) and exists (select from users where id = $2)
on conflict (person_id, author_id) do update set {ADDED.format("feed_affinity")}
"""
NOTE_POPULAR: Final = f"""
insert into feed_popular (post_id, score) select $1, $2 where exists (select from posts where id = $1)
on conflict (post_id) do update set {ADDED.format("feed_popular")}
"""
PRUNE_AFFINITY: Final = "delete from feed_affinity where score < $1"
PRUNE_POPULAR: Final = """
delete from feed_popular where score < (select score from feed_popular order by score desc offset $1 limit 1)
"""

ERASE: Final = (
    "delete from feed_hashtags where person_id = $1",
    "delete from feed_affinity where person_id = $1 or author_id = $1",
    "delete from feed_pulled where author_id = $1",
)
