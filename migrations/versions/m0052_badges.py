"""Badges of the owners of rooms."""

from alembic import op

revision = "0052"
down_revision = "0051"

OWNER = "badges"

SQL = """
create table badges (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    kind            text not null,
    created_at      timestamptz not null,
    unique (owner_id, kind)
);
"""


def upgrade() -> None:
    op.execute(SQL)
