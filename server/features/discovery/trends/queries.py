"""The SQL of trends."""

from __future__ import annotations

from typing import Final

from storage.decay import ADDED

# Nothing is returned for a use within a day of the one that counted last.
USE: Final = """
insert into trends_uses (tag, person_id, last_at) select $1, $2, $3 where exists (select from users where id = $2)
on conflict (tag, person_id) do update set times = trends_uses.times + 1, last_at = excluded.last_at
where trends_uses.last_at < excluded.last_at - interval '1 day'
returning times
"""
FRIENDS: Final = """
select count(*) from (
    select person_id from trends_uses
    where tag = $1 and person_id <> $2 and last_at > $3::timestamptz - interval '1 day'
    order by last_at desc limit 200
) u
where exists (select from follows f where f.follower_id = $2 and f.followee_id = u.person_id)
    and exists (select from follows f where f.follower_id = u.person_id and f.followee_id = $2)
"""
COUNT: Final = f"""
insert into trends_hashtags (tag, score) values ($1, $2)
on conflict (tag) do update set {ADDED.format("trends_hashtags")}
"""
MOST_COUNTED: Final = 1_000
_PEOPLE: Final = f"""
(select count(*) from (select from trends_uses u where u.tag = t.tag and u.last_at > $1::timestamptz - interval '1 day'
    limit {MOST_COUNTED}) x) as people
"""
TRENDING: Final = f"""
select * from (
    select t.tag, t.score, t.verdict, {_PEOPLE} from (
        select * from trends_hashtags where verdict is distinct from 'hidden' order by score desc, tag limit 200
    ) t
) t
where verdict = 'allowed' or (people >= $2 and not $3::bool)
order by score desc, tag limit $4
"""
FOR_REVIEW: Final = f"""
select t.tag, t.score, t.verdict, {_PEOPLE} from (
    select * from trends_hashtags where $2::text is null or coalesce(verdict, 'open') = $2
    order by score desc, tag limit $3
) t
order by score desc, tag
"""
REVIEW: Final = "update trends_hashtags set verdict = $2, reviewed_at = now() where tag = $1 returning tag"
PRUNE_USES: Final = "delete from trends_uses where last_at < $1::timestamptz - interval '30 days'"
PRUNE_TAGS: Final = "delete from trends_hashtags where score < $1 and verdict is null"
ERASE: Final = "delete from trends_uses where person_id = $1"
