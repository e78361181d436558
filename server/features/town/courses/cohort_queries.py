"""The SQL of cohorts."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

COUNT: Final = "select count(*) from course_cohorts where course_id = $1"
ADD: Final = """
insert into course_cohorts (id, course_id, title, starts_at, seats, created_at) values ($1, $2, $3, $4, $5, $6)
"""
_SHOWN: Final = """
select h.id, h.course_id, h.title, h.starts_at, h.seats,
    (select count(*) from course_enrolments x where x.cohort_id = h.id and x.state = 'enrolled') as people,
    exists (select from course_enrolments x where x.cohort_id = h.id and x.state = 'enrolled' and x.person_id = $1)
        as is_mine
from course_cohorts h
"""
ONE: Final = _SHOWN + "where h.id = $2"
ALL: Final = _SHOWN + "where h.course_id = $2 order by h.starts_at, h.id"
CHANGE: Final = "update course_cohorts set title = $2, starts_at = $3, seats = $4 where id = $1"
DELETE: Final = "delete from chat_rooms where id = $1 and is_private"
ROOMS: Final = "select id from course_cohorts where course_id = $1"
"""Of a course: they do not go with it by themselves."""
ROOMS_OF_AUTHOR: Final = """
delete from chat_rooms where is_private
    and id in (select h.id from course_cohorts h join courses c on c.id = h.course_id where c.author_id = $1)
"""

LEARNER: Final = """
select e.person_id, e.cohort_id from course_enrolments e join users u on u.id = e.person_id
where e.course_id = $1 and u.username_key = lower($2) and e.state = 'enrolled' for update of e
"""
PLACE: Final = "update course_enrolments set cohort_id = $3 where course_id = $1 and person_id = $2"
MEMBERS: Final = f"""
select e.id, e.person_id, e.since, u.username, u.display_name, {AVATAR_URL}
from course_enrolments e join users u on u.id = e.person_id
where e.cohort_id = $1 and e.state = 'enrolled' and {IN_GOOD_STANDING.format("u")}
    and {NOT_APART.format(person="u.id", viewer="$2")} and ($3::uuid is null or e.id > $3) order by e.id limit $4
"""
