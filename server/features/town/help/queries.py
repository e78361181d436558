"""The SQL of tickets."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL

_PERSON: Final = f"""
(select to_jsonb(x) from (select u.id, u.username, u.display_name, {AVATAR_URL} from users u where u.id = {{0}}) x)
"""
_TICKET: Final = f"""
select t.*, {_PERSON.format("t.person_id")} as requester, {_PERSON.format("t.assignee_id")} as assignee
from help_tickets t
"""
ADD: Final = """
insert into help_tickets (id, person_id, assignee_id, room_id, subject, text, category, priority, rank, created_at,
    changed_at, due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)
"""
ONE: Final = f"{_TICKET} where t.id = $1"
HOLD: Final = "select * from help_tickets where id = $1 for update"
HOLD_OF_ROOM: Final = "select * from help_tickets where room_id = $1 for update"
LOCK_PERSON: Final = "select id from users where id = $1 for no key update"
OPEN_OF: Final = "select count(*) from help_tickets where person_id = $1 and state <> 'closed'"
# Null: any. $1: only this person's.
PAGE: Final = f"""
{_TICKET} where ($1::uuid is null or t.person_id = $1) and ($2::text is null or t.state = $2)
    and ($3::text is null or t.priority = $3) and ($4::text is null
        or $4 = 'me' and t.assignee_id = $5 or $4 = 'nobody' and t.assignee_id is null)
    and (not $6 or t.is_overdue) and ($7::uuid is null or t.id < $7)
order by t.id desc limit $8
"""
CHANGE: Final = """
update help_tickets set subject = $2, category = $3, priority = $4, rank = $5, state = $6, assignee_id = $7,
    due_at = $8, answered_at = $9, solved_at = $10, is_overdue = is_overdue and $8::timestamptz is not null,
    changed_at = $11
where id = $1
"""
DELETE: Final = "delete from help_tickets where id = $1"
RATE: Final = "update help_tickets set score = $2, score_text = $3, changed_at = $4 where id = $1"

_AGENT: Final = "u.roles && array['support'] and u.deleted_at is null and coalesce(u.suspended_until <= now(), true)"
# Who has the fewest to answer.
NEXT_AGENT: Final = f"""
select u.id from users u where {_AGENT} and u.id <> $1
order by (select count(*) from help_tickets t where t.assignee_id = u.id and t.state in ('open', 'pending')), u.id
limit 1
"""
AGENT: Final = f"select u.id from users u where u.username_key = lower($1) and ({_AGENT} or u.roles && array['admin'])"

LATE: Final = """
update help_tickets set is_overdue = true, rank = least(rank + 1, 3) where id in (
    select id from help_tickets where due_at <= $1 and not is_overdue order by due_at limit 500)
returning id, person_id, assignee_id, state
"""
CLOSE: Final = """
update help_tickets set state = 'closed', changed_at = $1 where id in (
    select id from help_tickets where state = 'solved' and solved_at <= $2 order by solved_at limit 500)
returning id, person_id, assignee_id, state
"""

ADD_NOTE: Final = """
insert into help_notes (id, ticket_id, author_id, text, created_at) values ($1, $2, $3, $4, $5)
"""
NOTES: Final = f"""
select n.*, {_PERSON.format("n.author_id")} as author from help_notes n
where n.ticket_id = $1 and ($2::uuid is null or n.id > $2) order by n.id limit $3
"""
NOTE: Final = f"select n.*, {_PERSON.format('n.author_id')} as author from help_notes n where n.id = $1"

ERASE: Final = (
    "delete from help_notes where author_id = $1",
    "update help_tickets set assignee_id = null where assignee_id = $1",
    "delete from help_tickets where person_id = $1",
)
