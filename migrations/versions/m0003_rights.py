"""Rights that end: guests of private streams, suspension, and what is left to do when somebody or something goes.

``rights_changes`` is written in the transaction of the change itself and followed by every node, so that no node can
miss one. ``account_deletions`` and ``doomed_objects`` say what is still to be done; a row goes when it is done.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = """
alter table users add column suspended_until timestamptz;

create table stream_guests (
    stream_id       uuid not null references streams on delete cascade,
    user_id         uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (stream_id, user_id)
);
create index stream_guests_by_user on stream_guests (user_id);
create index blocks_by_blocked on blocks (blocked_id);

create table rights_changes (
    seq             bigint generated always as identity primary key,
    at              timestamptz not null default clock_timestamp(),
    kind            text not null check (kind in ('account', 'block', 'stream')),
    subject_id      uuid not null,
    other_id        uuid
);
create index rights_changes_by_time on rights_changes (at);

create table account_deletions (
    user_id         uuid primary key references users on delete cascade,
    asked_at        timestamptz not null default now(),
    wipe_at         timestamptz not null,
    began_at        timestamptz,
    taken_until     timestamptz
);
create index account_deletions_due on account_deletions (wipe_at);

create table reserved_names (
    username_key    text primary key,
    until           timestamptz not null
);

create table doomed_objects (
    prefix          text primary key,
    due_at          timestamptz not null default now(),
    is_swept_once   boolean not null default false
);
create index doomed_objects_due on doomed_objects (due_at);
"""


def upgrade() -> None:
    op.execute(SQL)
