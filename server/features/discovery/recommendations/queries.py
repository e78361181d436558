"""The SQL of recommendations and of what trends."""

from __future__ import annotations

from typing import Final

# acts

ADD: Final = """
insert into recommendation_acts (person_id, kind, item_id, owner_id, weight, at)
select p.id, $2, $3, o.id, $5, $6 from users p, users o where p.id = $1 and o.id = $4 and p.id <> o.id
on conflict (person_id, kind, item_id) do update
    set weight = greatest(recommendation_acts.weight, excluded.weight),
        at = greatest(recommendation_acts.at, excluded.at)
"""
REMOVE: Final = "delete from recommendation_acts where person_id = $1 and kind = $2 and item_id = $3"
SWEEP: Final = """
insert into recommendation_acts (person_id, kind, item_id, owner_id, weight, at)
select v.user_id, case when s.state = 'ended' then 'videos' else 'streams' end, s.id, s.owner_id,
    1 + ln(1 + sum(v.watched_ms) / 60000.0), max(v.last_at)
from view_sessions v join streams s on s.id = v.stream_id
where v.last_at > $1 and v.last_at <= $2 and v.user_id is not null and v.user_id <> s.owner_id
    and s.visibility = 'public'
group by v.user_id, s.id having sum(v.watched_ms) >= $3
on conflict (person_id, kind, item_id) do update
    set weight = greatest(recommendation_acts.weight, excluded.weight),
        at = greatest(recommendation_acts.at, excluded.at)
"""
PRUNE: Final = """
delete from recommendation_acts where (person_id, kind, item_id) in (
    select person_id, kind, item_id from recommendation_acts where kind = $1 and at < $2 order by at limit $3)
"""
ERASE: Final = (
    "delete from recommendation_acts where person_id = $1 or owner_id = $1",
    "delete from recommendation_feedback where person_id = $1 or owner_id = $1",
)

# what is known of one person

RECENT: Final = """
select kind, item_id, owner_id, weight from recommendation_acts where person_id = $1 order by at desc limit $2
"""
FOLLOWED: Final = """
select followee_id as id from follows where follower_id = $1 order by created_at desc limit $2
"""
FEEDBACK: Final = """
select item_id, owner_id, verdict from recommendation_feedback where person_id = $1 order by at desc limit $2
"""
MUTED: Final = "select muted_id as id from mutes where user_id = $1 and (expires_at is null or expires_at > now())"
FRIENDS: Final = """
select f.followee_id as id, count(*) as friends
from (select followee_id from follows where follower_id = $1 order by created_at desc limit 200) mine
cross join lateral (
    select followee_id from follows where follower_id = mine.followee_id order by created_at desc limit 100) f
where f.followee_id <> $1 group by 1 order by 2 desc limit $2
"""
SAY: Final = """
insert into recommendation_feedback (person_id, item_id, kind, owner_id, verdict, at)
select $1, $2, $3, o.id, $5, $6 from users o where o.id = $4
on conflict (person_id, item_id) do update set verdict = excluded.verdict, at = excluded.at
"""
TOPICS: Final = """
select topic from (
    select unnest(s.tags || s.category) as topic from (
        select item_id from recommendation_acts where person_id = $1 and kind in ('streams', 'videos')
        order by at desc limit 50) a join streams s on s.id = a.item_id
    union all
    select h.tag from (
        select item_id from recommendation_acts where person_id = $1 and kind = 'posts' order by at desc limit 50) a
    join post_hashtags h on h.post_id = a.item_id
    union all select tag from feed_hashtags where person_id = $1
) t where topic <> '' group by topic order by count(*) desc, topic limit 50
"""

# what may be recommended to anybody, the newest first

_TREND: Final = "left join trending_items t on t.kind = '{kind}' and t.item_id = {id}"
_TRENDING: Final = "coalesce(t.score, 0) as trend, coalesce(t.people, 0) as people"
POOLS: Final = {
    "streams": f"""
select s.id, s.owner_id, coalesce(s.started_at, s.created_at) as at, s.tags || s.category as topics, {_TRENDING}
from streams s {_TREND.format(kind="streams", id="s.id")}
where s.state in ('live', 'interrupted') and s.visibility = 'public' order by 3 desc limit $1
""",
    "videos": f"""
select v.id, v.owner_id, coalesce(v.ready_at, v.created_at) as at,
    coalesce(s.tags || s.category, '{{}}') as topics, {_TRENDING}
from (select * from videos where state <> 'failed' order by id desc limit $1) v
left join streams s on s.id = v.stream_id
{_TREND.format(kind="videos", id="v.id")}
where coalesce(s.visibility, v.visibility) = 'public'
union
select v.id, v.owner_id, coalesce(v.ready_at, v.created_at), coalesce(s.tags || s.category, '{{}}'), {_TRENDING}
from (select * from trending_items where kind = 'videos' order by score desc limit 200) t
join videos v on v.id = t.item_id left join streams s on s.id = v.stream_id
where coalesce(s.visibility, v.visibility) = 'public'
""",
    "people": f"""
select u.id, u.id as owner_id, u.created_at as at, '{{}}'::text[] as topics, {_TRENDING}
from (
    (select item_id as id from trending_items where kind = 'people' order by score desc limit 200)
    union
    (select author_id from (select author_id from posts where state = 'published' and visibility = 'public'
        order by published_at desc limit $1) p where author_id is not null)
    union
    (select owner_id from (select owner_id from streams order by id desc limit 200) s)
) c join users u on u.id = c.id {_TREND.format(kind="people", id="u.id")}
""",
    "posts": f"""
select p.id, p.author_id as owner_id, p.published_at as at,
    coalesce((select array_agg(h.tag) from post_hashtags h where h.post_id = p.id), '{{}}') as topics, {_TRENDING}
from (select * from posts where state = 'published' and visibility = 'public' and reply_to is null
        and repost_of is null order by published_at desc, id desc limit $1) p
{_TREND.format(kind="posts", id="p.id")}
where p.author_id is not null
""",
}

# what trends

# An account counts once for a thing, less the older its act is, while it is new itself, where it has only ever acted
# on one owner's things, and beside those who acted on the same thing whom it follows and who follow it.
TREND: Final = """
with recent as materialized (
    select a.item_id, a.owner_id, a.person_id, a.at from recommendation_acts a join users u on u.id = a.person_id
    where a.kind = $1 and a.at > $2 and a.at <= $3 and u.deleted_at is null
        and (u.suspended_until is null or u.suspended_until <= $3)
    order by a.at desc limit $4
), busy as (
    select item_id from recent group by item_id order by count(*) desc limit $5
), weighed as (
    select r.item_id, 0.5::float8 ^ (extract(epoch from $3::timestamptz - r.at)::float8 / $6::float8)
        * greatest($7::float8, least(1, extract(epoch from $3::timestamptz - u.created_at)::float8 / $8::float8))
        * least(1, (1 + (select count(distinct o.owner_id) from (select a.owner_id from recommendation_acts a
            where a.person_id = r.person_id order by a.at desc limit 20) o)) / 4.0)
        / (1 + (select count(*) from (
            select from follows f join recent o on o.item_id = r.item_id and o.person_id = f.followee_id
            where f.follower_id = r.person_id and exists (
                select from follows b where b.follower_id = f.followee_id and b.followee_id = r.person_id)
            limit 200) x)) as weight
    from recent r join busy using (item_id) join users u on u.id = r.person_id
)
select item_id, sum(weight)::float8 as score, count(*) as people from weighed group by item_id
"""
ABOUT: Final = {
    "streams": """
select id, language, category from streams where id = any($1::uuid[]) and state in ('live', 'interrupted')
""",
    "videos": """
select v.id, coalesce(s.language, '') as language, coalesce(s.category, '') as category
from videos v left join streams s on s.id = v.stream_id where v.id = any($1::uuid[])
""",
    "people": "select id, '' as language, '' as category from users where id = any($1::uuid[])",
    "posts": "select id, coalesce(language, '') as language, '' as category from posts where id = any($1::uuid[])",
}
CLEAR: Final = "delete from trending_items where kind = $1"
FILL: Final = """
insert into trending_items (kind, item_id, score, people, language, category, computed_at)
select $1, id, score, people, language, category, $7
from unnest($2::uuid[], $3::float8[], $4::int[], $5::text[], $6::text[]) as t (id, score, people, language, category)
"""
TRENDING: Final = """
select item_id as id, score, people from trending_items t
where kind = $1 and ($2::text is null or language = $2 or language like $2 || '-%')
    and ($3::text is null or category = $3)
    and not exists (select from trending_hidden h where h.kind = t.kind and h.item_id = t.item_id)
order by score desc, item_id limit $4
"""
HIDDEN: Final = "select item_id as id from trending_hidden where kind = $1"
FOR_REVIEW: Final = """
select t.item_id as id, t.score, t.people, exists (
    select from trending_hidden h where h.kind = t.kind and h.item_id = t.item_id) as hidden
from trending_items t where kind = $1 order by score desc, item_id limit $2
"""
HIDE: Final = "insert into trending_hidden (kind, item_id, hidden_at) values ($1, $2, $3) on conflict do nothing"
UNHIDE: Final = "delete from trending_hidden where kind = $1 and item_id = $2"

# what a model is made of

OF_CREATORS: Final = """
select person_id, owner_id as item_id, sum(weight)::real as weight, max(at) as at from recommendation_acts
where person_id > $1::uuid and person_id in (
    select distinct person_id from recommendation_acts where person_id > $1::uuid order by person_id limit $2)
group by 1, 2 order by 1, 4
"""
OF_VIDEOS: Final = """
select person_id, item_id, weight, at from recommendation_acts
where kind = 'videos' and person_id > $1::uuid and person_id in (
    select distinct person_id from recommendation_acts where person_id > $1::uuid order by person_id limit $2)
order by person_id, at
"""
