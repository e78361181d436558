"""The SQL of courses."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('courses ' || $1, 0))"
GIVEN: Final = "select count(*) from courses where author_id = $1"
ADD: Final = """
insert into courses (id, author_id, title, description, search, visibility, amount, currency, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
# What they who may not know one another give is not there for the other; a draft is there for its author alone.
SHOWN: Final = f"""
select c.id, c.title, c.description, c.visibility, c.amount, c.currency, c.created_at, c.author_id,
    u.username, u.display_name, {AVATAR_URL}, e.state as enrolment, e.payment_id, e.id as enrolment_id,
    (select count(*) from course_lessons l where l.course_id = c.id) as lessons,
    (select count(*) from course_enrolments x where x.course_id = c.id and x.state = 'enrolled') as people,
    coalesce((select sum(p.percent) from course_progress p join course_lessons l on l.id = p.lesson_id
        where l.course_id = c.id and p.person_id = $1), 0)::int as percents
from courses c join users u on u.id = c.author_id
left join course_enrolments e on e.course_id = c.id and e.person_id = $1
where (c.author_id = $1 or c.visibility = 'public' and {IN_GOOD_STANDING.format("u")}
    and not exists (select from blocks b where b.user_id = c.author_id and b.blocked_id = $1
        or b.user_id = $1 and b.blocked_id = c.author_id))
"""
ONE: Final = SHOWN + "and c.id = $2"
PAGE: Final = (
    SHOWN + "and ($2 = '%%' or c.search like $2) and ($3::uuid is null or c.id < $3) order by c.id desc limit $4"
)
LEARNT: Final = SHOWN + "and e.state = 'enrolled' and ($2::uuid is null or c.id < $2) order by c.id desc limit $3"
TAUGHT: Final = SHOWN + "and c.author_id = $1 and ($2::uuid is null or c.id < $2) order by c.id desc limit $3"
CHANGE: Final = """
update courses set title = $2, description = $3, search = $4, visibility = $5, amount = $6, currency = $7 where id = $1
"""
HOLD: Final = "select id, author_id from courses where id = $1 for update"
DELETE: Final = """
delete from chat_rooms where is_private and (id = $1 or id in (select id from course_cohorts where course_id = $1))
"""

LESSON: Final = """
select l.id, l.course_id, l.kind, l.title, l.position, l.text, l.video_id, l.stream_id, l.questions, l.pass_percent,
    l.requires, l.starts_at, l.lasts_seconds, l.call_id, l.held_at, coalesce(p.percent, 0) as percent, p.answers,
    (select k.id from calls k where k.id = l.call_id and k.ended_at is null and k.ends_at > now()) as open_call_id
from course_lessons l left join course_progress p on p.lesson_id = l.id and p.person_id = $1
"""
LESSONS: Final = LESSON + "where l.course_id = $2 order by l.position, l.id"
COURSE_OF: Final = "select course_id from course_lessons where id = $1"
COUNT_LESSONS: Final = "select count(*) from course_lessons where course_id = $1"
LAST_PLACE: Final = "select coalesce(max(position), 0) from course_lessons where course_id = $1"
ADD_LESSON: Final = """
insert into course_lessons (id, course_id, kind, title, position, text, video_id, stream_id, questions, pass_percent,
    requires, created_at, starts_at, lasts_seconds)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::uuid[], $12, $13, $14)
"""
CHANGE_LESSON: Final = """
update course_lessons set title = $2, position = $3, text = $4, video_id = $5, stream_id = $6, questions = $7,
    pass_percent = $8, requires = $9::uuid[], starts_at = $10, lasts_seconds = $11 where id = $1
"""
DELETE_LESSON: Final = "delete from course_lessons where id = $1"
FORGET_REQUIRED: Final = """
update course_lessons set requires = array_remove(requires, $2::uuid) where course_id = $1 and $2 = any(requires)
"""
OWN_VIDEO: Final = "select exists (select from videos where id = $1 and owner_id = $2)"
OWN_STREAM: Final = "select exists (select from streams where id = $1 and owner_id = $2)"

COUNT_PEOPLE: Final = "select count(*) from course_enrolments where course_id = $1 and state = 'enrolled'"
ENROL: Final = """
insert into course_enrolments (id, course_id, person_id, state, since) values ($1, $2, $3, $4, $5)
on conflict (course_id, person_id) do update set state = excluded.state, since = excluded.since,
    cohort_id = null
returning id
"""
LEAVE: Final = """
update course_enrolments set state = 'left' where course_id = $1 and person_id = $2 and state = 'enrolled'
returning course_id, person_id, cohort_id
"""
PAID: Final = """
update course_enrolments set state = 'enrolled', payment_id = $2, since = $3
where id = $1 and payment_id is null returning course_id, person_id, cohort_id
"""
FAILED: Final = "delete from course_enrolments where id = $1 and state = 'pending'"
REVERSED: Final = """
delete from course_enrolments where id = $1 and payment_id = $2 returning course_id, person_id, cohort_id
"""
PUT_PROGRESS: Final = """
insert into course_progress (lesson_id, person_id, percent, answers, changed_at) values ($1, $2, $3, $4, $5)
on conflict (lesson_id, person_id) do update set percent = greatest(course_progress.percent, excluded.percent),
    answers = coalesce(excluded.answers, course_progress.answers), changed_at = excluded.changed_at
"""

CERTIFICATE: Final = """
select code, title, name, issued_at from course_certificates where course_id = $1 and person_id = $2
"""
CERTIFY: Final = """
insert into course_certificates (code, course_id, person_id, title, name, issued_at)
select $1, $2, id, $4, display_name, $5 from users where id = $3
on conflict (course_id, person_id) do nothing
"""
VERIFY: Final = """
select c.code, c.title, c.name, c.issued_at, c.course_id from course_certificates c join users u on u.id = c.person_id
where c.code = $1 and u.deleted_at is null
"""

ERASE: Final = (
    "delete from chat_rooms where is_private and id in (select id from courses where author_id = $1)",
    "delete from course_enrolments where person_id = $1",
    "delete from course_progress where person_id = $1",
    "delete from course_certificates where person_id = $1",
)
