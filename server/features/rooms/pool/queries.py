"""The SQL of the watch-time pool and of splits."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

# A session counts for no longer than it lasted: a client that says more is not believed. A recording is of its stream.
WATCHED: Final = f"""
with watched as (
    select user_id as person_id, stream_id as media_id, (started_at at time zone 'UTC')::date as day,
        least(watched_ms, greatest(0, extract(epoch from last_at - started_at) * 1000)) as ms
    from view_sessions where started_at >= $1 and started_at < $2
    union all
    select person_id, video_id, day, watched_ms from video_watchers
    where day >= ($1::timestamptz at time zone 'UTC')::date and day < ($2::timestamptz at time zone 'UTC')::date),
media as (
    select id, owner_id from streams
    union all
    select id, owner_id from videos where stream_id is null)
select w.person_id, w.day, w.media_id, sum(w.ms)::bigint / 1000 as seconds
from watched w join media m on m.id = w.media_id join users u on u.id = w.person_id join users o on o.id = m.owner_id
where w.person_id <> m.owner_id and u.created_at <= w.day::timestamp at time zone 'UTC' - interval '1 day'
    and {IN_GOOD_STANDING.format("u")} and {IN_GOOD_STANDING.format("o")}
group by w.person_id, w.day, w.media_id order by w.person_id, w.day, w.media_id
"""
INCOME: Final = """
select t.currency, sum(e.amount)::bigint as income from ledger_accounts a
join ledger_entries e on e.account_id = a.id join ledger_transfers t on t.id = e.transfer_id
where a.kind = 'platform' and t.kind <> 'pool' and t.at >= $1 and t.at < $2 group by t.currency order by t.currency
"""
_MEDIA: Final = """
select id, id as stream_id, null::uuid as video_id, owner_id, title from streams where {of}
union all
select id, null, id, owner_id, title from videos where {of} and stream_id is null
"""
MEDIA: Final = _MEDIA.format(of="id = any($1::uuid[])") + " order by id"
ADD_MONTH: Final = """
insert into pool_months (month, currency, income, percent, amount, seconds, settled_at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning month
"""
MONTHS: Final = "select * from pool_months where month < $1 order by month desc, currency limit $2"
ADD_STATEMENT: Final = """
insert into pool_statements
    (id, month, currency, stream_id, title, owner_id, person_id, seconds, amount, percent, part, video_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
STATEMENTS: Final = """
select s.id, s.month, s.currency, s.stream_id, s.video_id, s.title, m.income, m.percent as pool_percent,
    m.amount as pool, m.seconds as all_seconds, s.seconds, s.amount, s.percent, s.part
from pool_statements s join pool_months m using (month, currency)
where s.person_id = $1 and ($2::uuid is null or s.id < $2) order by s.id desc limit $3
"""

MEDIUM: Final = _MEDIA.format(of="id = $1 and owner_id = $2")
PERSON: Final = f"""
select u.id from users u where (u.username_key = lower($1) or u.id::text = lower($1))
    and {IN_GOOD_STANDING.format("u")} and {NOT_APART.format(person="u.id", viewer="$2")}
limit 1
"""
ADD_SPLIT: Final = """
insert into splits (id, stream_id, video_id, owner_id, match_id, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (match_id) do nothing returning id
"""
ADD_PARTS: Final = """
insert into split_parts (split_id, person_id, percent, agreed_at)
select $1, person_id, percent, case when person_id = $4 then $5::timestamptz end
from unnest($2::uuid[], $3::integer[]) as given (person_id, percent)
"""
_SPLIT: Final = """
select s.id, s.stream_id, s.video_id, coalesce(t.title, v.title) as title, s.owner_id, s.match_id, s.state,
    s.created_at, (
    select json_agg(json_build_object('user_id', p.person_id, 'username', u.username, 'percent', p.percent,
        'has_agreed', p.agreed_at is not null) order by p.percent desc, p.person_id)
    from split_parts p join users u on u.id = p.person_id where p.split_id = s.id) as parts
from splits s left join streams t on t.id = s.stream_id left join videos v on v.id = s.video_id
"""
SPLIT: Final = (
    _SPLIT
    + """
where s.id = $1 and exists (select from split_parts p where p.split_id = s.id and p.person_id = $2)
"""
)
SPLITS: Final = f"""
{_SPLIT} where exists (select from split_parts p where p.split_id = s.id and p.person_id = $1)
    and ($2::uuid is null or s.id < $2) order by s.id desc limit $3
"""
LOCK: Final = "select * from splits where id = $1 for update"
OF_MATCH: Final = "select * from splits where match_id = $1 for update"
AGREE: Final = "update split_parts set agreed_at = coalesce(agreed_at, $3) where split_id = $1 and person_id = $2"
AGREE_ALL: Final = "update split_parts set agreed_at = coalesce(agreed_at, $2) where split_id = $1"
IS_AGREED: Final = "select not exists (select from split_parts where split_id = $1 and agreed_at is null)"
SET_STATE: Final = "update splits set state = $2 where id = $1"
REPLACE: Final = "update splits set state = 'replaced' where media_id = $1 and state = 'agreed' and id <> $2"
AGREED: Final = """
select s.media_id, json_object_agg(p.person_id, p.percent) as percents
from splits s join split_parts p on p.split_id = s.id
where s.state = 'agreed' and s.media_id = any($1::uuid[]) group by s.media_id
"""
ERASE: Final = (
    "delete from splits s where s.owner_id = $1 or exists ("
    "select from split_parts p where p.split_id = s.id and p.person_id = $1)",
    "delete from pool_statements where person_id = $1",
    "update pool_statements set owner_id = null where owner_id = $1",
)
