"""The SQL of well-being."""

from __future__ import annotations

from typing import Final

SETTINGS: Final = "select daily_seconds, break_seconds from wellbeing_settings where person_id = $1"
SET: Final = """
insert into wellbeing_settings (person_id, daily_seconds, break_seconds) values ($1, $2, $3)
on conflict (person_id) do update set daily_seconds = excluded.daily_seconds, break_seconds = excluded.break_seconds
"""
# Several pages at once count once: no more than has passed. After a pause of $5 seconds a streak begins anew.
BEAT: Final = """
insert into wellbeing_days as d (person_id, day, seconds, streak_s, last_at) values ($1, $2, $4, $4, $3)
on conflict (person_id, day) do update set
    seconds = least(86400, d.seconds + least($4, greatest(0, extract(epoch from $3 - d.last_at)::int))),
    streak_s = case when $3 - d.last_at > make_interval(secs => $5) then $4
        else d.streak_s + least($4, greatest(0, extract(epoch from $3 - d.last_at)::int)) end,
    last_at = greatest(d.last_at, $3)
returning seconds, streak_s
"""
DAYS: Final = "select day, seconds from wellbeing_days where person_id = $1 and day between $2 and $3"
WATCHED_DAYS: Final = """
select (started_at at time zone $2)::date as day, sum(watched_ms)::bigint as ms from view_sessions
where user_id = $1 and started_at >= $3 and started_at < $4 group by 1
"""
WATCHED: Final = """
select v.stream_id, s.title, sum(v.watched_ms)::bigint as ms from view_sessions v join streams s on s.id = v.stream_id
where v.user_id = $1 and v.started_at >= $2 and v.started_at < $3
group by v.stream_id, s.title having sum(v.watched_ms) >= 1000 order by ms desc, v.stream_id limit 10
"""
PRUNE: Final = "delete from wellbeing_days where day < $1"
ERASE: Final = (
    "delete from wellbeing_settings where person_id = $1",
    "delete from wellbeing_days where person_id = $1",
)
