"""Communities: groups of people with roles, rules and a private room of the chat, whose id is the community's.

``search`` is the name and the title as they are compared. A banned person is in ``community_members`` as well.
"""

from alembic import op

revision = "0060"
down_revision = "0059"

OWNER = "communities"

SQL = """
create table communities (
    id              uuid primary key references chat_rooms on delete cascade,
    name            text not null,
    name_key        text not null unique,
    title           text not null,
    description     text not null default '',
    rules           text not null default '',
    access          text not null check (access in ('open', 'approval', 'invite')),
    search          text not null,
    members         integer not null default 0,
    created_at      timestamptz not null
);
create index communities_by_members on communities (members desc, id desc);
create index communities_alike on communities using gin (search gin_trgm_ops);

create table community_members (
    community_id    uuid not null references communities on delete cascade,
    person_id       uuid not null references users on delete cascade,
    state           text not null check (state in ('member', 'asked', 'invited', 'banned')),
    role            text not null default 'member' check (role in ('owner', 'moderator', 'member')),
    since           timestamptz not null,
    primary key (community_id, person_id)
);
create index community_members_by_state on community_members (community_id, state, since, person_id);
create index community_members_by_person on community_members (person_id, state);
"""


def upgrade() -> None:
    op.execute(SQL)
