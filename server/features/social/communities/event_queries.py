"""The SQL of events of communities. None lasts longer than ``MAX_DAYS``, which bounds the search for those to come."""

from __future__ import annotations

from typing import Final

from server.features.social.communities.event_shapes import MAX_DAYS
from server.features.social.posts.read_queries import APART
from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING

_VISIBLE: Final = f"{IN_GOOD_STANDING.format('u')} and not {APART.format('u.id', '$2::uuid')}"
_SHOWN: Final = f"""
select e.id, e.title, e.description, e.place, e.time_zone, e.starts_at, e.ends_at, e.places, e.going, e.maybe,
    e.created_at, e.changed_at, e.revision, a.state, u.id as author_id, u.username, u.display_name, {AVATAR_URL}
from community_events e
left join community_event_answers a on a.event_id = e.id and a.person_id = $2
left join users u on u.id = e.author_id and {_VISIBLE}
where e.community_id = $1
"""
ONE: Final = _SHOWN + "and e.id = $3"
COMING: Final = f"""{_SHOWN}
and e.over_at >= $3 and e.starts_at >= $3::timestamptz - interval '{MAX_DAYS} days'
    and ($4::timestamptz is null or (e.starts_at, e.id) > ($4, $5::uuid))
order by e.starts_at, e.id limit $6
"""
PAST: Final = f"""{_SHOWN}
and e.over_at < $3 and ($4::timestamptz is null or (e.starts_at, e.id) < ($4, $5::uuid))
order by e.starts_at desc, e.id desc limit $6
"""
COUNT_COMING: Final = f"""
select count(*) from community_events e
where e.community_id = $1 and e.over_at >= $2 and e.starts_at >= $2::timestamptz - interval '{MAX_DAYS} days'
"""
ADD: Final = """
insert into community_events (id, community_id, author_id, title, description, place, time_zone, starts_at, ends_at,
    over_at, places, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($9, $8::timestamptz), $10, $11, $11)
"""
# The event's row is locked until the transaction ends: answers and changes come one after another.
HOLD: Final = """
select e.id, e.title, e.description, e.place, e.time_zone, e.starts_at, e.ends_at, e.over_at, e.places, e.going
from community_events e where e.community_id = $1 and e.id = $2 for update
"""
CHANGE: Final = """
update community_events set title = $2, description = $3, place = $4, time_zone = $5, starts_at = $6, ends_at = $7,
    over_at = coalesce($7, $6::timestamptz), places = $8, changed_at = $9, revision = revision + 1
where id = $1
"""
DELETE: Final = "delete from community_events where id = $1"

ANSWER_OF: Final = "select state from community_event_answers where event_id = $1 and person_id = $2"
ANSWER: Final = """
insert into community_event_answers (event_id, person_id, state, answered_at) values ($1, $2, $3, $4)
on conflict (event_id, person_id) do update set state = excluded.state, answered_at = excluded.answered_at
"""
TAKE_BACK: Final = "delete from community_event_answers where event_id = $1 and person_id = $2"
COUNT: Final = "update community_events set going = going + $2, maybe = maybe + $3 where id = $1"
PEOPLE: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL}, a.answered_at
from community_event_answers a join users u on u.id = a.person_id and {_VISIBLE}
where a.event_id = $1 and a.state = $3 and ($4::timestamptz is null or (a.answered_at, a.person_id) > ($4, $5::uuid))
order by a.answered_at, a.person_id limit $6
"""
# Of events of one community, or with null of all. What they answered is taken back everywhere, also of what is over.
FORGET: Final = """
with gone as (
    delete from community_event_answers a using community_events e
    where a.event_id = e.id and a.person_id = $1 and ($2::uuid is null or e.community_id = $2)
    returning a.event_id, a.state)
update community_events e set going = going - (g.state = 'going')::int, maybe = maybe - (g.state = 'maybe')::int
from gone g where e.id = g.event_id
"""
DISOWN: Final = "update community_events set author_id = null where author_id = $1"

# Whom to remind: those who go or may, in the order of their ids.
DUE: Final = """
select e.community_id, coalesce(e.author_id, (select m.person_id from community_members m
    where m.community_id = e.community_id and m.state = 'member' and m.role = 'owner')) as by_id
from community_events e where e.id = $1 and e.starts_at = $2
"""
REMINDED: Final = """
select person_id from community_event_answers
where event_id = $1 and state in ('going', 'maybe') and ($2::uuid is null or person_id > $2)
order by person_id limit $3
"""
