"""Jobs, the keys that make a job once for good, and when each schedule fires next.

A key outlives its job: finished jobs are pruned after a while, and the key still keeps another one from being made.
Accounts that are leaving get the job that wipes them.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

SQL = """
create table jobs (
    id uuid primary key,
    name text not null,
    key text,
    body jsonb not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'done', 'dead', 'cancelled')),
    priority smallint not null check (priority between 0 and 2),
    attempt integer not null default 0,
    tries integer not null default 0,
    due_at timestamptz not null,
    leased_until timestamptz,
    worker text,
    progress real not null default 0,
    note text not null default '',
    reason text,
    is_cancel_asked boolean not null default false,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
) with (autovacuum_vacuum_scale_factor = 0.02);
create index jobs_queued on jobs (name, priority, due_at, id) where state = 'queued';
create index jobs_running on jobs (name, leased_until) where state = 'running';
create index jobs_finished on jobs (finished_at) where finished_at is not null;
create index jobs_listed on jobs (state, id);

create table job_keys (
    name text not null,
    key text not null,
    job_id uuid not null,
    primary key (name, key)
);

create table job_schedules (
    name text primary key,
    spec text not null,
    next_at timestamptz not null,
    fired_at timestamptz
);

insert into jobs (id, name, body, priority, due_at)
select gen_random_uuid(), 'accounts.wipe', jsonb_build_object('user_id', user_id), 1, wipe_at from account_deletions;
"""


def upgrade() -> None:
    op.execute(SQL)
