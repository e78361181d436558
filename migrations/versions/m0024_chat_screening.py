"""Filters of what may be said in rooms, and messages that wait for a moderator."""

from alembic import op

revision = "0024"
down_revision = "0023"

OWNER = "streams"

SQL = """
-- The server's own has the nil UUID, so that owner_id refers to no account.
create table chat_filters (
    owner_id        uuid primary key,
    filter          jsonb not null,
    changed_at      timestamptz not null default now()
);

create table chat_held (
    id              uuid primary key,
    room_id         uuid not null references chat_rooms on delete cascade,
    user_id         uuid not null references users on delete cascade,
    client_id       text not null,
    text            text not null,
    reply_to        uuid,
    held_at         timestamptz not null,
    reason          text not null,
    state           text not null default 'held' check (state in ('held', 'allowed', 'refused')),
    decided_by      uuid,
    decided_at      timestamptz,
    unique (user_id, room_id, client_id)
);
create index chat_held_waiting on chat_held (room_id, held_at) where state = 'held';
create index chat_held_decided_by on chat_held (decided_by) where decided_by is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
