"""Requests to lift a ban, and what moderators have noted of people."""

from alembic import op

revision = "0045"
down_revision = "0044"

OWNER = "conduct"

SQL = """
create table unban_requests (
    id              uuid primary key,
    room_id         uuid not null references chat_rooms on delete cascade,
    person_id       uuid not null references users on delete cascade,
    banned_at       timestamptz not null,
    text            text not null,
    state           text not null default 'waiting' check (state in ('waiting', 'granted', 'refused')),
    created_at      timestamptz not null,
    decided_at      timestamptz,
    unique (room_id, person_id, banned_at)
);
create index unban_requests_queue on unban_requests (room_id, state, id);
create index unban_requests_by_person on unban_requests (person_id, id);

create table moderator_notes (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    person_id       uuid not null references users on delete cascade,
    author_id       uuid not null references users on delete cascade,
    text            text not null,
    created_at      timestamptz not null
);
create index moderator_notes_by_person on moderator_notes (person_id, owner_id, id);
create index moderator_notes_by_owner on moderator_notes (owner_id);
create index moderator_notes_by_author on moderator_notes (author_id, id);
"""


def upgrade() -> None:
    op.execute(SQL)
