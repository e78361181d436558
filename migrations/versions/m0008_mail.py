"""Outgoing mail, and the single-use tokens of the links in it.

Of a token only the SHA-256 is kept. A person has one token of a purpose: a newer one takes the place of the older.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

OWNER = "mail"

SQL = """
create table mails (
    id              uuid primary key,
    person_id       uuid references users on delete cascade,
    address         text not null,
    name            text not null,
    template        text not null,
    language        text not null,
    subject         text not null,
    data            jsonb not null,
    state           text not null default 'queued' check (state in ('queued', 'sent', 'kept', 'bounced', 'failed')),
    attempts        integer not null default 0,
    reason          text,
    created_at      timestamptz not null default now(),
    attempted_at    timestamptz,
    ended_at        timestamptz
);
create index mails_by_state on mails (state, id);
create index mails_by_address on mails (lower(address), id);
create index mails_by_person on mails (person_id) where person_id is not null;
create index mails_ended on mails (ended_at) where ended_at is not null;

create table mail_tokens (
    person_id       uuid not null references users on delete cascade,
    purpose         text not null,
    token_hash      bytea not null unique,
    detail          jsonb not null default '{}',
    issued_at       timestamptz not null default now(),
    expires_at      timestamptz not null,
    used_at         timestamptz,
    primary key (person_id, purpose)
);
create index mail_tokens_expired on mail_tokens (expires_at);
"""


def upgrade() -> None:
    op.execute(SQL)
