"""Passkeys: what an authenticator has told of its credential, and the challenges that wait for an answer."""

from alembic import op

revision = "0013"
down_revision = "0012"

OWNER = "passkeys"

SQL = """
create table passkeys (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    credential_id   bytea not null unique,
    public_key      bytea not null,         -- COSE (RFC 9052)
    rp_id           text not null,          -- the host name that the credential is of
    sign_count      bigint not null,
    transports      text[] not null default '{}',
    is_backed_up    boolean not null,
    name            text not null,
    created_at      timestamptz not null default now(),
    last_used_at    timestamptz
);
create index passkeys_by_user on passkeys (user_id, created_at desc);

-- `key` is the hash of a ticket, or of the challenge itself. A row goes when it is answered.
create table passkey_challenges (
    key             bytea primary key,
    challenge       bytea not null,
    user_id         uuid references users on delete cascade,
    expires_at      timestamptz not null
);
create index passkey_challenges_by_end on passkey_challenges (expires_at);
create index passkey_challenges_by_user on passkey_challenges (user_id) where user_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
