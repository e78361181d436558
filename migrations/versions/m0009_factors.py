"""Second factors: one-time passwords with recovery codes, and when a session has proven what.

``totp_factors.secret`` is encrypted with the key of ``encryption_keys`` that it names, or with the operator's own.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

OWNER = "factors"

SQL = """
create table encryption_keys (
    kid             text primary key,
    secret          bytea not null,
    created_at      timestamptz not null default now()
);

-- Not a factor until it is confirmed. A code of `last_step` or of a time step before it is spent.
create table totp_factors (
    user_id         uuid primary key references users on delete cascade,
    secret          bytea not null,
    last_step       bigint not null default 0,
    created_at      timestamptz not null default now(),
    confirmed_at    timestamptz
);

create table recovery_codes (
    user_id         uuid not null references users on delete cascade,
    code_hash       bytea not null,
    used_at         timestamptz,
    primary key (user_id, code_hash)
);

-- When the person last proved who they are in this session, and when with a second factor or a passkey.
alter table auth_sessions add column authenticated_at timestamptz not null default now();
alter table auth_sessions add column factor_at timestamptz;
"""


def upgrade() -> None:
    op.execute(SQL)
