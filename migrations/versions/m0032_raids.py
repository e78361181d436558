"""Raids: a stream sends its viewers on to another one."""

from alembic import op

revision = "0032"
down_revision = "0031"

OWNER = "raids"

SQL = """
create table raids (
    id              uuid primary key,
    source_id       uuid not null references streams on delete cascade,
    target_id       uuid not null references streams on delete cascade,
    author_id       uuid not null references users on delete cascade,
    viewers         integer not null,
    at              timestamptz not null,
    cancelled_at    timestamptz,
    arrived_at      timestamptz,
    check (source_id <> target_id)
);
create index raids_by_source on raids (source_id, id);
create index raids_by_target on raids (target_id, id);
create index raids_by_time on raids (at) where cancelled_at is null;
create index raids_by_author on raids (author_id, id);

create table raid_settings (
    user_id         uuid primary key references users on delete cascade,
    allowed         text not null check (allowed in ('everyone', 'followed', 'nobody'))
);
"""


def upgrade() -> None:
    op.execute(SQL)
