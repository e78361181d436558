"""The SQL of sessions."""

from __future__ import annotations

from typing import Final

OWN_CALL: Final = """
select exists (select from calls where id = $1 and owner_id = $2 and ended_at is null and ends_at > $3)
"""
HOLD: Final = "update course_lessons set call_id = $2, held_at = $3 where id = $1"
# Who was in the call of a session, or watched its stream while it was: $2 milliseconds, or half of a short one.
_ATTENDED: Final = """
with sessions as (
    select id, course_id, stream_id, call_id, starts_at - interval '15 minutes' as begins,
        starts_at + make_interval(secs => lasts_seconds + 3600) as ends, least($2::int, lasts_seconds * 500) as watched
    from course_lessons where kind = 'live' and {}),
present as (
    select s.id, s.course_id, m.person_id from sessions s join call_members m on m.call_id = s.call_id
    union
    select s.id, s.course_id, v.user_id from sessions s join view_sessions v on v.stream_id = s.stream_id
        and v.started_at >= s.begins and v.started_at < s.ends
    where v.user_id is not null group by s.id, s.course_id, v.user_id, s.watched
    having sum(v.watched_ms) >= s.watched)
insert into course_progress as p (lesson_id, person_id, percent, changed_at)
select a.id, a.person_id, 100, $1::timestamptz from present a
join course_enrolments e on e.course_id = a.course_id and e.person_id = a.person_id and e.state = 'enrolled'
on conflict (lesson_id, person_id) do update set percent = 100, changed_at = excluded.changed_at where p.percent < 100
"""
_OF_NOW: Final = """
(starts_at between $1::timestamptz - interval '27 hours' and $1 + interval '15 minutes'
    or held_at > $1 - interval '3 hours')
"""
RECORD: Final = _ATTENDED.format(_OF_NOW)
RECORD_ONE: Final = _ATTENDED.format("id = $3")
MARK: Final = """
insert into course_progress as p (lesson_id, person_id, percent, changed_at)
select l.id, e.person_id, 100, $3 from course_lessons l
join course_enrolments e on e.course_id = l.course_id and e.state = 'enrolled'
join users u on u.id = e.person_id and u.username_key = lower($2)
where l.id = $1
on conflict (lesson_id, person_id) do update set percent = 100, changed_at = excluded.changed_at
returning person_id
"""
