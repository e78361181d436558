"""Signing in by other providers: who is linked, and sign-ins that are on their way. Secrets are kept as hashes."""

from alembic import op

revision = "0014"
down_revision = "0013"

OWNER = "oauth"

SQL = """
create table oauth_links (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    provider        text not null,
    subject         text not null,
    email           text,
    created_at      timestamptz not null default now(),
    last_used_at    timestamptz,
    unique (provider, subject),
    unique (user_id, provider)
);

-- A sign-in between its start and its callback; `browser_hash` is of a cookie of the browser that began it.
create table oauth_flows (
    state_hash      bytea primary key,
    provider        text not null,
    browser_hash    bytea not null,
    nonce           text not null,
    verifier        text not null,
    redirect_uri    text not null,
    return_to       text not null,
    as_code         boolean not null,
    link_user_id    uuid references users on delete cascade,
    expires_at      timestamptz not null
);
create index oauth_flows_by_end on oauth_flows (expires_at);
create index oauth_flows_by_user on oauth_flows (link_user_id) where link_user_id is not null;

-- What a callback gives to be exchanged for a session.
create table oauth_codes (
    code_hash       bytea primary key,
    user_id         uuid not null references users on delete cascade,
    provider        text not null,
    expires_at      timestamptz not null
);
create index oauth_codes_by_end on oauth_codes (expires_at);
create index oauth_codes_by_user on oauth_codes (user_id);
"""


def upgrade() -> None:
    op.execute(SQL)
