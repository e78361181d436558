"""Emotes of the owners of rooms."""

from alembic import op

revision = "0043"
down_revision = "0042"

OWNER = "emotes"

SQL = """
create table emotes (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    name            text not null,
    created_at      timestamptz not null,
    unique (owner_id, name)
);
"""


def upgrade() -> None:
    op.execute(SQL)
