"""The SQL of predictions. A person has one entry in a prediction, on one outcome; each stake adds to it."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('predictions ' || $1, 0))"
OPENED_AS: Final = "select id from predictions where room_id = $1 and author_id = $2 and client_id = $3"
COUNT_UNRESOLVED: Final = "select count(*) from predictions where room_id = $1 and ended_at is null"
OPEN: Final = """
insert into predictions (id, room_id, author_id, client_id, question, outcomes, opened_at, closes_at, media_time_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

# A stake holds the row shared, so that locking and resolving wait for the stakes that are being written.
FOR_STAKE: Final = """
select id, room_id, closes_at, locked_at, ended_at, winner, cardinality(outcomes) as size
from predictions where id = $1 for share
"""
FOR_CHANGE: Final = """
select id, room_id, closes_at, locked_at, ended_at, winner, cardinality(outcomes) as size
from predictions where id = $1 for update
"""
LOCK: Final = "update predictions set locked_at = $2 where id = $1 and locked_at is null and ended_at is null"
END: Final = "update predictions set ended_at = $2, winner = $3, locked_at = coalesce(locked_at, $2) where id = $1"

STAKED: Final = "select points from prediction_stakes where prediction_id = $1 and person_id = $2 and client_id = $3"
ENTRY: Final = "select outcome, points from prediction_entries where prediction_id = $1 and person_id = $2"
STAKE: Final = "insert into prediction_stakes (prediction_id, person_id, client_id, points) values ($1, $2, $3, $4)"
ENTER: Final = """
insert into prediction_entries as e (id, prediction_id, person_id, outcome, points) values ($1, $2, $3, $4, $5)
on conflict (prediction_id, person_id) do update set points = e.points + excluded.points
where e.outcome = excluded.outcome returning e.points
"""
ENTRIES: Final = "select id, person_id, outcome, points from prediction_entries where prediction_id = $1 order by id"
PAY: Final = """
update prediction_entries e set paid = p.paid from unnest($2::uuid[], $3::bigint[]) as p (id, paid)
where e.id = p.id and e.prediction_id = $1
"""

_FIELDS: Final = """
select p.id, p.room_id, p.question, p.outcomes, p.opened_at, p.closes_at, p.locked_at, p.ended_at, p.winner,
    p.media_time_ms,
    coalesce((select jsonb_object_agg(c.outcome, jsonb_build_array(c.points, c.people)) from (
        select e.outcome, sum(e.points) as points, count(*) as people from prediction_entries e
        where e.prediction_id = p.id {} group by e.outcome) c), '{{}}') as totals
"""
_PREDICTION: Final = _FIELDS.format("")
# The id of an entry is a UUIDv7, whose first 48 bits are when the person entered, in milliseconds (RFC 9562, 5.7).
_ENTERED_MS: Final = "('x' || translate(left(e.id::text, 13), '-', ''))::bit(48)::bigint"
_BY_THEN: Final = f"""
    and ($4::bigint is null or
        {_ENTERED_MS} <= extract(epoch from p.opened_at) * 1000 + $4 - p.media_time_ms)
"""
PREDICTION: Final = _PREDICTION + " from predictions p where p.id = $1"
OPEN_IN: Final = (
    _PREDICTION + " from predictions p where p.room_id = any($1::uuid[]) and p.ended_at is null order by p.id"
)
LIST: Final = (
    _FIELDS.format(_BY_THEN)
    + """, mine.outcome as my_outcome, mine.points as my_points, mine.paid as my_paid
from predictions p left join prediction_entries mine on mine.prediction_id = p.id and mine.person_id = $5::uuid
where p.room_id = $1 and ($2::uuid is null or p.id < $2) and ($4::bigint is null or p.media_time_ms <= $4)
order by p.id desc limit $3
"""
)

ERASE: Final = (
    "delete from prediction_stakes where person_id = $1",
    "update prediction_entries set person_id = null where person_id = $1",
    "update predictions set author_id = null, client_id = null where author_id = $1",
)
