"""The assistant: conversations, and what it proposes."""

from alembic import op

revision = "0112"
down_revision = "0111"

OWNER = "assistant"

SQL = """
create table assistant_conversations (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    title           text not null,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);
create index assistant_conversations_by_person on assistant_conversations (person_id, id);
create index assistant_conversations_by_change on assistant_conversations (changed_at);

create table assistant_messages (
    id              uuid primary key,
    conversation_id uuid not null references assistant_conversations on delete cascade,
    role            text not null check (role in ('asker', 'assistant')),
    text            text not null,
    sources         jsonb not null,
    created_at      timestamptz not null
);
create index assistant_messages_by_conversation on assistant_messages (conversation_id, id);

create table assistant_proposals (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    tool            text not null,
    arguments       jsonb not null,
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    decided_at      timestamptz,
    is_confirmed    boolean
);
create index assistant_proposals_by_person on assistant_proposals (person_id, id);
create index assistant_proposals_by_expiry on assistant_proposals (expires_at);
"""


def upgrade() -> None:
    op.execute(SQL)
