"""The SQL of analytics."""

from __future__ import annotations

import datetime as dt
from typing import Final

# events

ADD_EVENTS: Final = """
insert into analytics_events (id, at, kind, creator_id, item_id, country, device, source, viewer)
select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
    $8::text[], $9::bytea[]) on conflict do nothing
"""
ROLL_UP: Final = """
with batch as materialized (
    select id, at from analytics_events where not is_rolled order by at limit $1 for update skip locked
), marked as (
    update analytics_events e set is_rolled = true from batch b where e.id = b.id and e.at = b.at
    returning e.*, (e.at at time zone 'UTC')::date as day, case e.kind when 'view' then 'views' else 'video_views' end
        as metric
), theirs as (
    select m.* from marked m join users u on u.id = m.creator_id
), fresh as (
    insert into analytics_viewers (day, item_id, viewer) select distinct day, item_id, viewer from theirs
    on conflict do nothing returning day, item_id
), whose as (
    select distinct item_id, creator_id from theirs
), sums as (
    select creator_id, day, item_id, metric, d.dimension, d.key, count(*) as value
    from theirs cross join lateral (values ('', ''), ('country', country), ('device', device), ('source', source))
        as d (dimension, key)
    group by 1, 2, 3, 4, 5, 6
    union all
    select w.creator_id, f.day, f.item_id, 'viewers', '', '', count(*) from fresh f join whose w using (item_id)
    group by 1, 2, 3
), written as (
    insert into analytics_daily (owner_id, day, item_id, metric, dimension, key, value)
    select * from sums order by 1, 2, 3, 4, 5, 6
    on conflict (owner_id, day, item_id, metric, dimension, key) do update
        set value = analytics_daily.value + excluded.value
)
select count(*) from marked
"""
PARTITIONS: Final = """
select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'analytics_events'::regclass
"""
PRUNE_VIEWERS: Final = "delete from analytics_viewers where day < $1"


def partition(day: dt.date) -> str:
    """The statement that makes the partition of a day, unless it is there."""
    return (
        f"create table if not exists analytics_events_{day:%Y%m%d} partition of analytics_events"
        f" for values from ('{day} 00:00+00') to ('{day + dt.timedelta(days=1)} 00:00+00')"
    )


# one stream

TOTALS: Final = """
select s.id, s.started_at, s.ended_at, s.state, s.peak_viewers, s.unique_viewers, s.watched_ms from streams s
where s.id = $1
"""
# Of the views that began within two times, so that no statement takes long.
FIRST_AND_LAST: Final = """
select min(started_at) as first, max(started_at) as last from view_sessions where stream_id = $1
"""
_PART: Final = "where stream_id = $1 and started_at >= $2 and started_at < $3"
QUALITY: Final = f"""
select coalesce(sum(stalled_ms), 0)::bigint as stalled_ms,
    coalesce(sum(latency_ms::bigint * watched_ms) filter (where latency_ms > 0), 0)::numeric::float8 as late,
    coalesce(sum(watched_ms) filter (where latency_ms > 0), 0)::bigint as timed_ms
from view_sessions {_PART}
"""
CHAT: Final = """
select count(*) as messages, count(distinct user_id) as chatters
from chat_messages where room_id = (select room_id from streams where id = $1) and deleted_at is null
"""
BY_TRANSPORT: Final = f"""
select w.key as transport, sum(w.value::bigint)::bigint as ms
from view_sessions v cross join lateral jsonb_each_text(v.watched_by) w {_PART} group by w.key
"""
# ``$4`` the start, ``$5`` seconds of a step. As many rows as steps in which anybody came or went, however many watch.
STEPS: Final = f"""
with views as (
    select floor(extract(epoch from started_at - $4) / $5)::bigint as first,
        floor(extract(epoch from last_at - $4) / $5)::bigint as last
    from view_sessions {_PART}
)
select step, sum(came)::bigint as came, sum(went)::bigint as went from (
    select greatest(first, 0) as step, count(*) as came, 0 as went from views where last >= 0 group by 1
    union all select last, 0, count(*) from views where last >= 0 group by 1
) steps group by step
"""
SNAPSHOT: Final = "select sums from analytics_streams where stream_id = $1"
PUT_SNAPSHOT: Final = """
insert into analytics_streams (stream_id, computed_at, sums)
select id, $2, $3 from streams where id = $1
on conflict (stream_id) do update set computed_at = excluded.computed_at, sums = excluded.sums
where analytics_streams.computed_at <= excluded.computed_at
"""
# Large streams whose views may have changed since they were added up.
DUE: Final = """
select s.id from streams s left join analytics_streams a on a.stream_id = s.id
where s.unique_viewers >= $1 and (a.stream_id is null or s.state in ('live', 'interrupted')
    or a.computed_at < s.ended_at + interval '5 minutes')
order by a.computed_at nulls first limit $2
"""
OF_ITEM: Final = """
select dimension, key, sum(value)::bigint as value from analytics_daily
where owner_id = $1 and item_id = $2 and metric = 'views' group by dimension, key order by value desc, key
"""
FOLLOWERS_SINCE: Final = """
select count(*) from follows where followee_id = $1 and created_at >= $2 and created_at < $3
"""
# What the ledger has booked for the owner of the tips of a stream: each payment has a transfer a booking, by its key.
REVENUE_OF_STREAM: Final = """
select e.currency, sum(e.amount)::bigint as amount
from tips t join payments p on p.id = t.payment_id
cross join lateral generate_series(1, p.bookings) n
join ledger_transfers l on l.key = 'payment:' || p.id || ':' || n and l.kind <> 'release'
join ledger_entries e on e.transfer_id = l.id join ledger_accounts a on a.id = e.account_id
where t.stream_id = $1 and a.owner_id = $2 and a.kind in ('pending', 'available')
group by e.currency order by e.currency
"""

# one creator, by day or by another key; ``$2`` and ``$3`` the first day and that after the last

ROLLED: Final = """
select case $5 when 'day' then day::text when 'stream' then item_id::text else key end as key,
    sum(value)::bigint as value
from analytics_daily where owner_id = $1 and day >= $2 and day < $3 and metric = any($4::text[]) and dimension = $6
group by 1
"""
# Of streams that began within the days, as the counters of the streams have it, and of videos the days' watch time.
STREAMED: Final = """
select key, div(sum(watched_ms), 1000)::bigint as watch_seconds, max(peak_viewers)::bigint as peak_viewers,
    sum(chat_messages)::bigint as chat_messages
from (
    select case $4 when 'day' then (s.started_at at time zone 'UTC')::date::text else s.id::text end as key,
        s.watched_ms, s.peak_viewers,
        (select count(*) from chat_messages m where m.room_id = s.room_id and m.deleted_at is null) as chat_messages
    from streams s where s.owner_id = $1 and s.started_at >= $2 and s.started_at < $3
    union all
    select case $4 when 'day' then d.day::text else v.id::text end, d.watched_ms, 0, 0
    from videos v join video_days d on d.video_id = v.id
    where v.owner_id = $1 and d.day >= ($2 at time zone 'UTC')::date and d.day < ($3 at time zone 'UTC')::date
) watched group by key
"""
FOLLOWERS: Final = """
select (created_at at time zone 'UTC')::date::text as key, count(*) as value from follows
where followee_id = $1 and created_at >= $2 and created_at < $3 group by 1
"""
REVENUE: Final = """
select (t.at at time zone 'UTC')::date::text as key, t.currency, sum(e.amount)::bigint as value
from ledger_accounts a join ledger_entries e on e.account_id = a.id join ledger_transfers t on t.id = e.transfer_id
where a.owner_id = $1 and a.kind in ('pending', 'available') and t.at >= $2 and t.at < $3
    and t.kind not in ('payout', 'release', 'withholding')
group by 1, 2 order by 1, 2
"""

# the server

_BY_DAY: Final = """
select ({at} at time zone 'UTC')::date::text as key, {what} as value from {source}
where {at} >= $1 and {at} < $2 {more} group by 1
"""


def _by_day(at: str, source: str, *, what: str = "count(*)", more: str = "") -> str:
    return _BY_DAY.format(at=at, source=source, what=what, more=more)


OF_SERVER: Final = {
    "new_people": _by_day("created_at", "users", more="and deleted_at is null"),
    "streams": _by_day("started_at", "streams"),
    "watch_seconds": _by_day("started_at", "streams", what="sum(watched_ms / 1000)::bigint"),
    "posts": _by_day("published_at", "posts", more="and state = 'published'"),
}
SERVER_VIEWS: Final = """
select day::text as key, sum(value)::bigint as value from analytics_daily
where day >= $1 and day < $2 and dimension = '' and metric in ('views', 'video_views') group by 1
"""
SERVER_VIDEO_SECONDS: Final = """
select day::text as key, div(sum(watched_ms), 1000)::bigint as value from video_days
where day >= $1 and day < $2 group by 1
"""
SERVER_REVENUE: Final = """
select t.currency, sum(e.amount)::bigint as amount
from ledger_accounts a join ledger_entries e on e.account_id = a.id join ledger_transfers t on t.id = e.transfer_id
where a.kind = 'platform' and t.at >= $1 and t.at < $2 group by 1 order by 1
"""

ERASE: Final = (
    "delete from analytics_daily where owner_id = $1",
    "delete from analytics_events where creator_id = $1",
)
