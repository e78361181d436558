"""What providers keep of payments, and comparisons of a provider with the ledger."""

from alembic import op

revision = "0082"
down_revision = "0081"

OWNER = "payments"

SQL = """
-- amount: in minor units in all, as it was at that moment, booked in so many transfers.
create table payment_fees (
    payment_id      uuid not null references payments,
    kind            text not null check (kind in ('charge', 'dispute')),
    amount          bigint not null,
    currency        text not null,
    at              timestamptz not null,
    bookings        integer not null,
    primary key (payment_id, kind)
);

-- recovered: events that had never come; null until they were looked for.
create table payment_reconciliations (
    id              uuid primary key,
    since           timestamptz not null,
    began_at        timestamptz not null,
    ended_at        timestamptz,
    recovered       integer,
    charges         integer not null default 0,
    differing       integer not null default 0,
    differences     jsonb not null default '[]'
);
"""


def upgrade() -> None:
    op.execute(SQL)
