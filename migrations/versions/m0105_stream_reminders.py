"""Reminders of announced streams, for who asks."""

from alembic import op

revision = "0105"
down_revision = "0104"

OWNER = "notifications"

SQL = """
create table stream_reminders (
    stream_id       uuid not null references streams on delete cascade,
    person_id       uuid not null references users on delete cascade,
    created_at      timestamptz not null,
    primary key (stream_id, person_id)
);
create index stream_reminders_by_person on stream_reminders (person_id, created_at desc, stream_id desc);
"""


def upgrade() -> None:
    op.execute(SQL)
