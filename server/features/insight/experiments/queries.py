"""The SQL of experiments."""

from __future__ import annotations

from typing import Final

PUT: Final = """
insert into experiments (name, arms, shares, description, is_on, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (name) do update set arms = excluded.arms, shares = excluded.shares, description = excluded.description,
    is_on = excluded.is_on, changed_at = excluded.changed_at
returning *
"""
COUNT_OTHERS: Final = "select count(*) from (select from experiments where name <> $1 limit $2) e"
ONE: Final = "select * from experiments where name = $1"
ALL: Final = "select * from experiments order by name limit $1"
EXPOSED: Final = """
insert into experiment_exposures (name, person_id, arm, exposed_at)
select $1, $2, $3, $4
where exists (select from users where id = $2) and exists (select from experiments where name = $1)
on conflict (name, person_id) do nothing
"""
# Seconds that each person has watched in the days after they met the experiment.
OUTCOMES: Final = """
select arm, count(*) as people, avg(seconds)::float8 as mean, coalesce(var_samp(seconds), 0)::float8 as variance
from (
    select e.arm, coalesce((select sum(v.watched_ms) from view_sessions v
        where v.user_id = e.person_id and v.last_at >= e.exposed_at
            and v.started_at < e.exposed_at + make_interval(days => $2)), 0) / 1000.0 as seconds
    from (select * from experiment_exposures where name = $1 order by exposed_at desc limit $3) e
) s group by arm
"""
ERASE: Final = "delete from experiment_exposures where person_id = $1"
