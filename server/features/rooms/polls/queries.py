"""The SQL of polls. A person has one vote in a poll: the key of ``poll_votes``."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('polls ' || $1, 0))"
"""One poll of a room is opened at a time."""

OPENED_AS: Final = "select id from polls where room_id = $1 and author_id = $2 and client_id = $3"

COUNT_OPEN: Final = "select count(*) from polls where room_id = $1 and closed_at is null and closes_at > $2"

OPEN: Final = """
insert into polls (id, room_id, author_id, client_id, question, options, opened_at, closes_at, media_time_ms,
    former_votes)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

# Waits for votes that are being written: they hold the poll's row. None is counted afterwards.
CLOSE: Final = "update polls set closed_at = $2 where id = $1 and closed_at is null returning room_id"

# ``$2``: count the votes until then. A vote whose account has gone counts on in ``former_votes``.
_POLL: Final = """
select p.id, p.room_id, p.question, p.options, p.opened_at, p.closes_at, p.closed_at, p.media_time_ms, p.former_votes,
    coalesce((select jsonb_object_agg(c.option, c.count) from (
        select v.option, count(*) as count from poll_votes v
        where v.poll_id = p.id and ($2::timestamptz is null or v.voted_at <= $2) group by v.option) c), '{}') as counts
from polls p
"""
POLL: Final = _POLL + " where p.id = $1"
OPEN_IN: Final = _POLL + " where p.room_id = any($1::uuid[]) and p.closed_at is null and p.closes_at > $3 order by p.id"

# ``$4``: a moment of media time; counted are the votes that were given by then.
LIST: Final = """
select p.id, p.room_id, p.question, p.options, p.opened_at, p.closes_at, p.closed_at, p.media_time_ms, p.former_votes,
    coalesce((select jsonb_object_agg(c.option, c.count) from (
        select v.option, count(*) as count from poll_votes v
        where v.poll_id = p.id and ($4::bigint is null
            or v.voted_at <= p.opened_at + ($4 - p.media_time_ms) * interval '1 millisecond')
        group by v.option) c), '{}') as counts,
    (select v.option from poll_votes v where v.poll_id = p.id and v.person_id = $5::uuid) as voted
from polls p
where p.room_id = $1 and ($2::uuid is null or p.id < $2) and ($4::bigint is null or p.media_time_ms <= $4)
order by p.id desc limit $3
"""

# ``$1`` polls, ``$2`` persons, ``$3`` options, ``$4`` now. The share lock keeps the polls from being closed until this
# is committed. Of one person's two votes in a group the first counts.
VOTE: Final = """
with ballot as materialized (
    select * from unnest($1::uuid[], $2::uuid[], $3::smallint[]) with ordinality as t (poll_id, person_id, option, n)
), poll as materialized (
    select p.id, p.room_id, p.closes_at, p.closed_at, cardinality(p.options) as size from polls p
    where p.id = any($1::uuid[]) order by p.id for share
), judged as materialized (
    select b.poll_id, b.person_id, b.option, b.n, p.room_id, case
        when p.id is null or s.id is null or exists (
            select from blocks k where k.user_id = s.owner_id and k.blocked_id = b.person_id) or (
            s.visibility = 'private' and s.owner_id <> b.person_id and not exists (
                select from stream_guests g where g.stream_id = s.id and g.user_id = b.person_id)) then 'not_found'
        when u.id is null then 'person'
        when p.closed_at is not null or p.closes_at <= $4 then 'closed'
        when b.option >= p.size then 'option'
        when exists (select from chat_sanctions c where c.room_id = p.room_id and c.user_id = b.person_id
            and (c.until is null or c.until > now())) then 'silenced'
        else 'fit' end as verdict
    from ballot b left join poll p on p.id = b.poll_id left join chat_rooms r on r.id = p.room_id
    left join streams s on s.id = r.stream_id left join users u on u.id = b.person_id and u.deleted_at is null
), given as (
    insert into poll_votes (poll_id, person_id, option, voted_at)
    select distinct on (poll_id, person_id) poll_id, person_id, option, $4 from judged where verdict = 'fit'
    order by poll_id, person_id, n
    on conflict do nothing returning poll_id, person_id, option
)
select j.verdict, j.room_id, coalesce(v.option, g.option) as option, g.poll_id is not null as is_new
from judged j left join poll_votes v on v.poll_id = j.poll_id and v.person_id = j.person_id
left join given g on g.poll_id = j.poll_id and g.person_id = j.person_id
order by j.n
"""
VOTED: Final = "select option from poll_votes where poll_id = $1 and person_id = $2"

ERASE: Final = (
    """
    with gone as (delete from poll_votes where person_id = $1 returning poll_id, option)
    update polls p set former_votes[g.option + 1] = p.former_votes[g.option + 1] + 1 from gone g where p.id = g.poll_id
    """,
    "update polls set author_id = null, client_id = null where author_id = $1",
)
