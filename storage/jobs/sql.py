"""The statements of the job queue.

Every statement that takes several rows either locks them in the order of their ids or skips those that are locked, so
that workers neither wait for each other nor deadlock.
"""

from __future__ import annotations

from typing import Final

from storage.plans import PlannedOnce

# Keys are inserted in their order: two batches with the same keys wait for each other, they cannot deadlock. A key of
# a transaction under way is waited for, and counts only if that commits.
ENQUEUE: Final = """
with given as (
    select id, name, key, body, priority, coalesce(due_at, now()) as due_at
    from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::smallint[], $6::timestamptz[])
        as given (id, name, key, body, priority, due_at)
), once as (
    insert into job_keys (name, key, job_id)
    select name, key, id from given where key is not null order by name, key
    on conflict do nothing returning job_id
), made as (
    insert into jobs (id, name, key, body, priority, due_at)
    select id, name, key, body, priority, due_at from given
    where key is null or id in (select job_id from once)
    returning id, due_at
)
select id, case when due_at <= now() then pg_notify('jobs', '')::text end from made
"""

# One probe of the index for each name and priority, so that neither jobs that are due later nor those of other names
# are passed over one by one.
CLAIM: Final = PlannedOnce("""
with due as (
    select found.id from unnest($1::text[]) as wanted (name)
    cross join generate_series(0, 2) as wanted_priority (priority)
    cross join lateral (
        select id, due_at from jobs
        where state = 'queued' and name = wanted.name and priority = wanted_priority.priority::smallint
            and due_at <= now()
        order by due_at, id limit $2 for update skip locked
    ) as found
    order by wanted_priority.priority, found.due_at, found.id limit $2
)
update jobs set state = 'running', attempt = attempt + 1, tries = tries + 1, worker = $3, started_at = now(),
    leased_until = now() + make_interval(secs => $4), is_cancel_asked = false, progress = 0, note = ''
from due where jobs.id = due.id
returning jobs.id, name, key, body, attempt, tries
""")

NAMES_DUE: Final = PlannedOnce("""
select name from unnest($1::text[]) as wanted (name) where exists (
    select from generate_series(0, 2) as wanted_priority (priority) cross join lateral (
        select from jobs where state = 'queued' and name = wanted.name
            and priority = wanted_priority.priority::smallint and due_at <= now() limit 1) as found)
""")
LOCK_NAME: Final = "select pg_advisory_xact_lock(1784833651, hashtext($1))"
RUNNING: Final = "select count(*) from jobs where state = 'running' and name = $1"

# The lease is moved before the outcome is decided, and the attempt with it: the worker of before is fenced off.
TAKE_LOST: Final = """
with lost as (
    select id from jobs where state = 'running' and name = any($1::text[]) and leased_until < now()
    order by leased_until limit $2 for update skip locked
)
update jobs set attempt = attempt + 1, leased_until = now() + make_interval(secs => $3)
from lost where jobs.id = lost.id
returning jobs.id, name, key, body, attempt, tries
"""

RENEW: Final = """
with held as (
    select jobs.id from jobs join unnest($1::uuid[], $2::integer[]) as mine (id, attempt)
        on jobs.id = mine.id and jobs.attempt = mine.attempt
    where state = 'running' for update of jobs skip locked
), renewed as (
    update jobs set leased_until = now() + make_interval(secs => $3) where id in (select id from held)
)
select jobs.id, is_cancel_asked from jobs join unnest($1::uuid[], $2::integer[]) as mine (id, attempt)
    on jobs.id = mine.id and jobs.attempt = mine.attempt
where state = 'running'
"""

SETTLE: Final = PlannedOnce("""
with given as (
    select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::float8[], $6::boolean[])
        as given (id, attempt, state, reason, after_s, is_given_back)
), held as (
    select jobs.id, jobs.due_at, jobs.tries, given.reason, given.after_s, given.is_given_back,
        case when given.state = 'queued' and jobs.is_cancel_asked then 'cancelled' else given.state end as state
    from jobs join given on jobs.id = given.id and jobs.attempt = given.attempt
    where jobs.state = 'running' order by jobs.id for update of jobs
)
update jobs set state = held.state,
    reason = coalesce(held.reason, jobs.reason),
    due_at = case when held.state = 'queued' then now() + make_interval(secs => held.after_s) else held.due_at end,
    tries = case when held.is_given_back then greatest(held.tries - 1, 0) else held.tries end,
    progress = case when held.state = 'done' then 1 else progress end,
    finished_at = case when held.state <> 'queued' then now() end,
    leased_until = null
from held where jobs.id = held.id
returning jobs.id
""")

HOLD: Final = "select id from jobs where id = $1 and attempt = $2 and state = 'running' for no key update"
FINISH: Final = """
update jobs set state = 'done', progress = 1, finished_at = now(), leased_until = null
where id = $1 and attempt = $2 and state = 'running'
"""
PROGRESS: Final = """
update jobs set progress = $3, note = $4 where id = (
    select id from jobs where id = $1 and attempt = $2 and state = 'running' for no key update skip locked)
"""

CANCEL: Final = """
update jobs set is_cancel_asked = true,
    finished_at = case when state = 'queued' then now() end,
    state = case when state = 'queued' then 'cancelled' else state end
where id = $1 and state in ('queued', 'running')
returning state, case when state = 'running' then pg_notify('jobs', id::text)::text end
"""
RETRY: Final = """
update jobs set state = 'queued', tries = 0, due_at = now(), finished_at = null, is_cancel_asked = false,
    progress = 0, note = ''
where id = $1 and state in ('dead', 'cancelled')
returning pg_notify('jobs', '')::text
"""

PRUNE: Final = """
delete from jobs where id in (
    select id from jobs
    where finished_at < now() - make_interval(secs => $1)
        and (state <> 'dead' or finished_at < now() - make_interval(secs => $2))
    order by finished_at limit $3 for update skip locked)
"""

_SHOWN: Final = """
select id, name, key, state, priority, tries, due_at, created_at, started_at, finished_at, worker, progress, note,
    reason, is_cancel_asked from jobs
"""
FIND: Final = _SHOWN + "where id = $1"
PAGE: Final = (
    _SHOWN
    + "where state = $1 and ($2::text is null or name = $2) and ($3::uuid is null or id < $3) order by id desc limit $4"
)
PAGE_OF_ALL: Final = (
    _SHOWN + "where ($1::text is null or name = $1) and ($2::uuid is null or id < $2) order by id desc limit $3"
)
BY_KEY: Final = "select job_id from job_keys where name = $1 and key = $2"
COUNTS: Final = """
select name, state, count(*) as count, min(due_at) as oldest_due_at from jobs
where state in ('queued', 'running', 'dead') group by name, state order by name, state
"""

ARRANGE: Final = """
insert into job_schedules (name, spec, next_at) values ($1, $2, $3)
on conflict (name) do update set spec = excluded.spec, next_at = excluded.next_at
where job_schedules.spec <> excluded.spec
"""
SCHEDULES_DUE: Final = """
select name, next_at, now() as at from job_schedules where name = any($1::text[]) and next_at <= now()
"""
SCHEDULES: Final = "select name, spec, next_at, fired_at from job_schedules order by name"
FIRE: Final = "update job_schedules set next_at = $3, fired_at = now() where name = $1 and next_at = $2"
WAITS: Final = "select exists (select from jobs where state = 'queued' and name = $1)"
NOW: Final = "select now()"
