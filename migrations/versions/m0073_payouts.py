"""Payouts, and the accounts that they go to."""

from alembic import op

revision = "0073"
down_revision = "0072"

OWNER = "payouts"

SQL = """
create table payout_accounts (
    person_id       uuid primary key references users on delete cascade,
    provider        text not null,
    stripe_account  text unique,
    is_ready        boolean not null default false,
    created_at      timestamptz not null
);

create table payouts (
    id              uuid primary key,
    person_id       uuid not null references users,
    amount          bigint not null check (amount > 0),
    currency        text not null,
    provider        text not null,
    state           text not null default 'pending' check (state in ('pending', 'paid', 'failed')),
    reason          text not null default '',
    created_at      timestamptz not null,
    paid_at         timestamptz
);
create index payouts_by_person on payouts (person_id, id);
"""


def upgrade() -> None:
    op.execute(SQL)
