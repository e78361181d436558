"""The SQL of channel points.

A balance is ``points = earned - taken + returned``, which Postgres computes and keeps from falling below zero. A
statement that locks several balances locks them in the order of persons.
"""

from __future__ import annotations

from typing import Final

BALANCE: Final = "select points from point_balances where owner_id = $1 and person_id = $2"

# ``$1`` now, ``$2`` points, ``$3`` the minute, ``$4`` seconds. The room is one of those in which the person watches.
EARN: Final = """
with watching as materialized (
    select distinct on (s.owner_id, v.user_id) s.owner_id, v.user_id as person_id, s.room_id
    from streams s join view_sessions v on v.stream_id = s.id
    where s.state = 'live' and v.user_id is not null and v.user_id <> s.owner_id
        and v.last_at > $1::timestamptz - make_interval(secs => $4)
    order by s.owner_id, v.user_id, s.id
), earned as (
    insert into point_balances as b (owner_id, person_id, earned, earned_minute)
    select owner_id, person_id, $2, $3 from watching order by owner_id, person_id
    on conflict (owner_id, person_id) do update set earned = b.earned + $2, earned_minute = $3
    where b.earned_minute < $3
    returning owner_id, person_id, points
)
select w.room_id, e.person_id, e.points from earned e join watching w using (owner_id, person_id)
"""

TAKE: Final = """
update point_balances set taken = taken + $3 where owner_id = $1 and person_id = $2 and points >= $3 returning points
"""

GIVE: Final = """
with given as materialized (
    select b.person_id, g.points as amount from unnest($2::uuid[], $3::bigint[]) as g (person_id, points)
    join point_balances b on b.owner_id = $1 and b.person_id = g.person_id order by b.person_id for update of b
)
update point_balances b set returned = b.returned + g.amount from given g
where b.owner_id = $1 and b.person_id = g.person_id returning b.person_id, b.points
"""
