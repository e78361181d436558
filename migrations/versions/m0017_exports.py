"""Archives of what is held on people: what became of each. The files lie in the object store, below ``exports/``."""

from alembic import op

revision = "0017"
down_revision = "0016"

OWNER = "export"

SQL = """
create table exports (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    state           text not null default 'waiting'
        check (state in ('waiting', 'writing', 'ready', 'failed', 'expired')),
    progress        real not null default 0,
    size_bytes      bigint,
    requested_at    timestamptz not null default now(),
    ready_at        timestamptz,
    expires_at      timestamptz
);
create index exports_by_user on exports (user_id, id desc);
create unique index exports_open on exports (user_id) where state in ('waiting', 'writing');
create index exports_by_end on exports (expires_at) where state = 'ready';
"""


def upgrade() -> None:
    op.execute(SQL)
