"""The pictures of persons: one of each kind, whose objects lie under its id.

``digest`` is of the file that was sent, so that the same one again changes nothing.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

OWNER = "pictures"

SQL = """
create table pictures (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    kind            text not null,
    digest          bytea not null,
    created_at      timestamptz not null default now(),
    unique (owner_id, kind)
);

alter table users add column banner_url text;
"""


def upgrade() -> None:
    op.execute(SQL)
