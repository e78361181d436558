"""Private rooms, and the conversations of people in them.

A private room has no owner: it is its members'. ``pair`` names the two people of a direct conversation without telling
who they are, so that they have one.
"""

from alembic import op

revision = "0050"
down_revision = "0049"

OWNER = "conversations"

SQL = """
alter table rights_changes drop constraint rights_changes_kind_check;
alter table rights_changes add constraint rights_changes_kind_check
    check (kind in ('account', 'block', 'follow', 'stream', 'name', 'room'));

alter table chat_rooms add column is_private boolean not null default false;
alter table chat_rooms alter column owner_id drop not null;
alter table chat_rooms add constraint chat_rooms_owner_check check (is_private or owner_id is not null);
alter table chat_messages add column edited_at timestamptz;

create table chat_reactions (
    room_id         uuid not null references chat_rooms on delete cascade,
    message_id      uuid not null,
    person_id       uuid not null references users on delete cascade,
    emoji           text not null,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (message_id, person_id, emoji)
);
create index chat_reactions_by_room on chat_reactions (room_id);
create index chat_reactions_by_person on chat_reactions (person_id);

create table conversations (
    room_id         uuid primary key references chat_rooms on delete cascade,
    is_group        boolean not null,
    title           text not null default '',
    owner_id        uuid references users on delete set null,
    pair            text unique,
    created_at      timestamptz not null default now()
);
create index conversations_by_owner on conversations (owner_id) where owner_id is not null;

create table conversation_members (
    room_id         uuid not null references conversations on delete cascade,
    person_id       uuid not null references users on delete cascade,
    state           text not null check (state in ('open', 'request', 'left', 'declined')),
    read_offset     bigint not null default 0,
    is_muted        boolean not null default false,
    joined_at       timestamptz not null default now(),
    primary key (room_id, person_id)
);
create index conversation_members_by_person on conversation_members (person_id, state);

create table conversation_settings (
    person_id       uuid primary key references users on delete cascade,
    requests_from   text not null check (requests_from in ('everyone', 'followed'))
);
"""


def upgrade() -> None:
    op.execute(SQL)
