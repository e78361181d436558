"""Private accounts, and who waits to follow one."""

from alembic import op

revision = "0022"
down_revision = "0021"

OWNER = "relations"

SQL = """
alter table users add column is_private boolean not null default false;

create table follow_requests (
    follower_id     uuid not null references users on delete cascade,
    followee_id     uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (follower_id, followee_id)
);
create index follow_requests_by_followee on follow_requests (followee_id, created_at, follower_id);
"""


def upgrade() -> None:
    op.execute(SQL)
