"""The SQL of reports, cases, strikes and appeals."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('case ' || $1, 0))"

# reports

OPEN_CASE: Final = "select id from cases where kind = $1 and subject_id = $2 and state <> 'closed'"
ADD_CASE: Final = """
insert into cases (id, kind, subject_id, room_id, owner_id, state, severity, rank, reason, evidence, created_at,
    reported_at, due_at)
values ($1, $2, $3, $4, $5, 'open', 'low', 0, $6, $7, $8, $8, $8)
"""
REPORT: Final = """
insert into reports (id, case_id, reporter_id, reason, detail, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict (case_id, reporter_id) do update set reason = excluded.reason,
    detail = case when excluded.detail in ('', reports.detail) then reports.detail
        else right(reports.detail || case when reports.detail = '' then '' else E'\\n' end || excluded.detail, $7) end,
    updated_at = excluded.updated_at
returning id, created_at, updated_at, detail, xmax = 0 as is_new
"""
# The newest suffice to judge by: the severity of a thing that a thousand report no longer depends on one more.
WEIGHED: Final = """
select r.reason, coalesce(p.acted, 0) as acted, coalesce(p.dismissed, 0) as dismissed
from (select reason, reporter_id from reports where case_id = $1 order by id desc limit 200) r
left join lateral (
    select count(*) filter (where o.outcome = 'acted') as acted,
        count(*) filter (where o.outcome = 'dismissed') as dismissed
    from (select outcome from reports where reporter_id = r.reporter_id and outcome is not null
        order by id desc limit 100) o) p on true
"""
WEIGH: Final = """
update cases set severity = $2, rank = $3, reason = $4, reports = reports + $5::int, reported_at = $6,
    due_at = created_at + $7::interval
where id = $1
"""
MY_REPORTS: Final = """
select r.id, c.kind, c.subject_id, r.reason, r.detail, r.created_at, r.updated_at, c.state as case_state, r.outcome
from reports r join cases c on c.id = r.case_id
where r.reporter_id = $1 and ($2::uuid is null or r.id < $2) order by r.id desc limit $3
"""

# the moderation

_CASE: Final = """
select c.id, c.kind, c.subject_id, c.room_id, c.owner_id, o.username as owner_username, c.state, c.severity, c.rank,
    c.reason, c.evidence, c.reports, case when c.claimed_until > $1 then c.claimed_by end as claimed_by,
    case when c.claimed_until > $1 then m.username end as claimed_by_username, c.created_at, c.reported_at, c.due_at,
    c.closed_at, c.state <> 'closed' and c.due_at < $1 as overdue,
    (select count(*) from strikes s where s.person_id = c.owner_id and s.revoked_at is null and s.expires_at > $1)
        as strikes
from cases c left join users o on o.id = c.owner_id left join users m on m.id = c.claimed_by
"""
_FILTERS: Final = """
and ($2::text is null or c.severity = $2) and ($3::text is null or c.kind = $3)
"""
# The gravest first, and of those what waits longest.
WAITING: Final = (
    _CASE
    + "where c.state <> 'closed'"
    + _FILTERS
    + """
and ($4::text is null or c.state = $4)
and ($5::int is null or c.rank < $5 or (c.rank = $5 and c.id > $6::uuid))
order by c.rank desc, c.id limit $7
"""
)
CLOSED: Final = (
    _CASE + "where c.state = 'closed'" + _FILTERS + "and ($4::uuid is null or c.id < $4) order by c.id desc limit $5"
)
ONE: Final = _CASE + "where c.id = $2"
LOCKED: Final = ONE + " for update of c"
CASE_REPORTS: Final = """
select r.id, r.reason, r.detail, r.created_at, u.username as reporter
from reports r left join users u on u.id = r.reporter_id where r.case_id = $1 order by r.id desc limit $2
"""
ACTS: Final = """
select a.id, a.action, a.reason, a.until, a.created_at, a.reverted_at, a.actor_id, u.username as actor
from case_acts a left join users u on u.id = a.actor_id where a.case_id = $1 order by a.id desc limit 100
"""
NOTES: Final = """
select n.id, u.username as author, n.text, n.created_at
from case_notes n left join users u on u.id = n.author_id where n.case_id = $1 order by n.id desc limit 200
"""
CLAIM: Final = "update cases set claimed_by = $2, claimed_until = $3 where id = $1"
SET_STATE: Final = """
update cases set state = $2, closed_at = case when $2 = 'closed' then $3::timestamptz end, claimed_by = null,
    claimed_until = null
where id = $1
"""
OUTCOME: Final = "update reports set outcome = $2 where case_id = $1"
ADD_ACT: Final = """
insert into case_acts (id, case_id, actor_id, action, reason, until, undo, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
LAST_ACT: Final = """
select id, action, actor_id, until, undo from case_acts
where case_id = $1 and reverted_at is null order by id desc limit 1 for update
"""
ACT: Final = """
select id, action, actor_id, until, undo from case_acts
where case_id = $1 and id = $2 and reverted_at is null for update
"""
# A thing that the server holds and a moderator removes stays away until both are taken back.
WITHHELD_OTHERWISE: Final = """
select exists (select from case_acts
    where case_id = $1 and id <> $2 and reverted_at is null and action in ('hide', 'remove'))
"""
AUTOMATIC: Final = """
select id, action, actor_id, until, undo from case_acts
where case_id = $1 and reverted_at is null and undo ->> 'by' = 'screening' order by id desc for update
"""
REVERTED: Final = "update case_acts set reverted_at = $2 where id = $1"
MODERATORS: Final = """
select id from users where roles && array['moderator', 'admin'] and deleted_at is null limit 500
"""
IS_STAFF: Final = "select roles && array['moderator', 'admin'] from users where id = $1"
IS_ADMIN: Final = "select 'admin' = any(roles) from users where id = $1"
RESTRICT: Final = """
update users u set restricted_until = $2 from (select restricted_until from users where id = $1 for update) o
where u.id = $1 returning o.restricted_until as before
"""
SUSPENDED: Final = "select suspended_until from users where id = $1"
RESTRICTIONS: Final = "select restrictions from streams where id = $1"
VIDEO_RESTRICTIONS: Final = "select restrictions from videos where id = $1 and stream_id is null for update"
WARNED_OF: Final = {
    "post": "select content_warning from posts where id = $1 for update",
    "stream": "select restrictions ->> 'content_warning' from streams where id = $1",
    "video": """
select coalesce(s.restrictions, v.restrictions) ->> 'content_warning' from videos v
left join streams s on s.id = v.stream_id where v.id = $1
""",
}
WARN_OF_POST: Final = "update posts set content_warning = $2 where id = $1"
OPENNESS: Final = """
update communities c set access = $2 from (select access from communities where id = $1 for update) o
where c.id = $1 returning o.access as before
"""

# strikes and appeals

STRIKE: Final = "insert into strikes (id, person_id, act_id, created_at, expires_at) values ($1, $2, $3, $4, $5)"
REVOKE: Final = "update strikes set revoked_at = $2 where act_id = $1 and revoked_at is null"
_STRIKE: Final = """
select s.id, s.person_id, s.act_id, s.created_at, s.expires_at, s.revoked_at, a.action, a.reason, a.until, a.actor_id,
    c.id as case_id, c.kind, c.subject_id, c.reason as rule, c.evidence, p.id as appeal_id, p.text as appeal_text,
    p.state as appeal_state, p.note as appeal_note, p.created_at as appealed_at, p.due_at, p.decided_at
from strikes s join case_acts a on a.id = s.act_id join cases c on c.id = a.case_id
left join appeals p on p.strike_id = s.id
"""
MY_STRIKES: Final = _STRIKE + "where s.person_id = $1 and ($2::uuid is null or s.id < $2) order by s.id desc limit $3"
MY_STRIKE: Final = _STRIKE + "where s.person_id = $1 and s.id = $2"
APPEAL: Final = """
insert into appeals (id, strike_id, person_id, text, created_at, due_at) values ($1, $2, $3, $4, $5, $6)
on conflict (strike_id) do nothing returning id
"""
_APPEALS: Final = """
select p.id, p.text, p.state, p.note, p.created_at, p.due_at, p.decided_at, s.id as strike_id, s.act_id, s.person_id,
    u.username, a.case_id, a.action, a.reason, a.actor_id, c.kind, c.subject_id, c.reason as rule, c.evidence
from appeals p join strikes s on s.id = p.strike_id join case_acts a on a.id = s.act_id join cases c on c.id = a.case_id
join users u on u.id = p.person_id
"""
APPEALS: Final = (
    _APPEALS
    + """
where p.state = 'open' and ($1::timestamptz is null or (p.due_at, p.id) > ($1, $2::uuid))
order by p.due_at, p.id limit $3
"""
)
ONE_APPEAL: Final = _APPEALS + "where p.id = $1 for update of p"
DECIDE: Final = "update appeals set state = $2, note = $3, decided_by = $4, decided_at = $5 where id = $1"
