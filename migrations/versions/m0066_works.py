"""Registered works, the hashes of their sound and pictures, and where they were found.

``work`` in the tables of hashes is ``works.number``: there are tens of millions of rows.
"""

from alembic import op

revision = "0066"
down_revision = "0065"

OWNER = "works"

SQL = """
create table works (
    id              uuid primary key,
    number          int generated always as identity unique,
    owner_id        uuid not null references users on delete cascade,
    media_id        uuid not null unique,
    title           text not null,
    policy          text not null check (policy in ('credit', 'mute', 'block')),
    state           text not null default 'indexing' check (state in ('indexing', 'ready', 'failed')),
    reason          text not null default '',
    created_at      timestamptz not null
);
create index works_by_owner on works (owner_id, id);

create table work_sounds (
    value           int not null,
    work            int not null references works (number) on delete cascade,
    ms              int not null,
    turn            smallint not null,
    detail          int not null,
    primary key (value, work, ms) include (turn, detail)
);
create index work_sounds_by_work on work_sounds (work);

create table work_frames (
    value           int not null,
    work            int not null references works (number) on delete cascade,
    ms              int not null,
    turn            smallint not null,
    detail          int not null,
    primary key (value, work, ms) include (turn, detail)
);
create index work_frames_by_work on work_frames (work);

create table work_matches (
    id              uuid primary key,
    work_id         uuid not null references works on delete cascade,
    holder_id       uuid not null references users on delete cascade,
    publisher_id    uuid not null references users on delete cascade,
    media_id        uuid not null,
    media_kind      text not null check (media_kind in ('video', 'stream')),
    from_ms         bigint not null,
    to_ms           bigint not null,
    work_from_ms    bigint not null,
    score           float8 not null,
    speed           float8 not null,
    policy          text not null,
    is_credited     boolean not null default false,
    state           text not null default 'open' check (state in ('open', 'disputed', 'upheld', 'withdrawn')),
    reason          text not null default '',
    created_at      timestamptz not null,
    disputed_at     timestamptz,
    expires_at      timestamptz,
    decided_at      timestamptz
);
create index work_matches_by_holder on work_matches (holder_id, id desc);
create index work_matches_by_publisher on work_matches (publisher_id, id desc);
create index work_matches_by_media on work_matches (media_id, work_id);
create index work_matches_by_work on work_matches (work_id);
create index work_matches_expiring on work_matches (expires_at) where state = 'disputed';
"""


def upgrade() -> None:
    op.execute(SQL)
