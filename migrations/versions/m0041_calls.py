"""Calls: who may be in one, and through which socket they are."""

from alembic import op

revision = "0041"
down_revision = "0040"

OWNER = "calls"

SQL = """
create table calls (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    began_at        timestamptz not null,
    ends_at         timestamptz not null,
    ended_at        timestamptz
);
create index calls_by_owner on calls (owner_id, id);
create index calls_by_end on calls (ends_at);

-- Who has been in the call; with node and socket, who is in it now.
create table call_members (
    call_id         uuid not null references calls on delete cascade,
    person_id       uuid not null references users on delete cascade,
    joined_at       timestamptz not null,
    node            text,
    socket          text,
    primary key (call_id, person_id)
);
create index call_members_by_person on call_members (person_id, call_id);

-- The SHA-256 of each invitation.
create table call_tokens (
    token_hash      bytea primary key,
    call_id         uuid not null references calls on delete cascade,
    used_at         timestamptz
);
create index call_tokens_by_call on call_tokens (call_id);
"""


def upgrade() -> None:
    op.execute(SQL)
