"""The stage: people who are in one picture of a stream, from their browsers."""

from alembic import op

revision = "0117"
down_revision = "0116"

OWNER = "stage"

SQL = """
create table stages (
    stream_id       uuid primary key references streams on delete cascade,
    layout          text not null default 'grid' check (layout in ('grid', 'spotlight', 'pip')),
    spotlight       uuid,
    is_on_air       boolean not null default false,
    node            text not null default '',
    revision        bigint not null default 1
);

create table stage_seats (
    id              uuid primary key,
    stream_id       uuid not null references stages on delete cascade,
    name            text not null,
    is_host         boolean not null default false,
    is_on_stage     boolean not null default false,
    is_muted        boolean not null default false,
    token_hash      bytea unique,
    secret_hash     bytea,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    joined_at       timestamptz,
    check ((token_hash is null) = (secret_hash is not null))
);
create index stage_seats_by_stream on stage_seats (stream_id, id);
create unique index stage_seats_host on stage_seats (stream_id) where is_host;
create index stage_seats_by_expiry on stage_seats (expires_at) where secret_hash is null;
"""


def upgrade() -> None:
    op.execute(SQL)
