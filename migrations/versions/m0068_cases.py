"""Reports, the cases that they make, what moderators do about them, strikes and appeals; people who may not write.

``subject_id`` is the id of a person, stream, message, post, video or community. ``owner_id``: whose it is.
``case_acts.undo``: what taking the act back puts back.
"""

from alembic import op

revision = "0068"
down_revision = "0067"

OWNER = "cases"

SQL = """
alter table users add column restricted_until timestamptz;

create table cases (
    id              uuid primary key,
    kind            text not null check (kind in ('person', 'stream', 'message', 'post', 'video', 'community')),
    subject_id      uuid not null,
    room_id         uuid,
    owner_id        uuid references users on delete set null,
    state           text not null check (state in ('open', 'escalated', 'closed')),
    severity        text not null check (severity in ('low', 'medium', 'high', 'critical')),
    rank            smallint not null,
    reason          text not null,
    evidence        jsonb not null,
    reports         integer not null default 0,
    claimed_by      uuid references users on delete set null,
    claimed_until   timestamptz,
    created_at      timestamptz not null,
    reported_at     timestamptz not null,
    due_at          timestamptz not null,
    closed_at       timestamptz
);
comment on column cases.rank is 'of the severity: 0 is low, 3 is critical';
create unique index cases_open on cases (kind, subject_id) where state <> 'closed';
create index cases_queue on cases (rank desc, id) where state <> 'closed';
create index cases_by_time on cases (id desc);
create index cases_by_owner on cases (owner_id);
create index cases_by_claimant on cases (claimed_by) where claimed_by is not null;

create table reports (
    id              uuid primary key,
    case_id         uuid not null references cases on delete cascade,
    reporter_id     uuid references users on delete set null,
    reason          text not null,
    detail          text not null default '',
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    outcome         text check (outcome in ('acted', 'dismissed')),
    unique (case_id, reporter_id)
);
create index reports_by_reporter on reports (reporter_id, id desc);

create table case_acts (
    id              uuid primary key,
    case_id         uuid not null references cases on delete cascade,
    actor_id        uuid references users on delete set null,
    action          text not null,
    reason          text not null,
    until           timestamptz,
    undo            jsonb not null default '{}',
    created_at      timestamptz not null,
    reverted_at     timestamptz
);
create index case_acts_by_case on case_acts (case_id, id);
create index case_acts_by_actor on case_acts (actor_id) where actor_id is not null;

create table strikes (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    act_id          uuid not null unique references case_acts on delete cascade,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    revoked_at      timestamptz
);
create index strikes_by_person on strikes (person_id, id desc);

create table appeals (
    id              uuid primary key,
    strike_id       uuid not null unique references strikes on delete cascade,
    person_id       uuid not null references users on delete cascade,
    text            text not null,
    state           text not null default 'open' check (state in ('open', 'upheld', 'overturned')),
    note            text not null default '',
    created_at      timestamptz not null,
    due_at          timestamptz not null,
    decided_by      uuid references users on delete set null,
    decided_at      timestamptz
);
create index appeals_by_person on appeals (person_id);
create index appeals_open on appeals (due_at, id) where state = 'open';
create index appeals_by_decider on appeals (decided_by) where decided_by is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
