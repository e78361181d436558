"""Streams that are not for every country or age, and guests without an account who have given a stream's password."""

from alembic import op

revision = "0038"
down_revision = "0037"

OWNER = "streams"

SQL = """
-- Null: for everybody. A clip keeps those that its stream had, for when that has gone.
alter table streams add column restrictions jsonb;
alter table clips add column restrictions jsonb;
alter table users add column birth_date date;

-- Guests who have given the password that there is now; their ids are no one's.
create table stream_guest_grants (
    stream_id       uuid not null references streams on delete cascade,
    guest_id        uuid not null,
    expires_at      timestamptz not null,
    primary key (stream_id, guest_id)
);
create index stream_guest_grants_by_expiry on stream_guest_grants (expires_at);
"""


def upgrade() -> None:
    op.execute(SQL)
