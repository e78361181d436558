"""Payments, as far as they are known, and the events of Stripe, which are stored before they are answered."""

from alembic import op

revision = "0069"
down_revision = "0068"

OWNER = "payments"

SQL = """
-- paid_intent: which of the ways to pay was taken. booked_*: what the ledger has of it, in bookings transfers.
create table payments (
    id              uuid primary key,
    kind            text not null,
    subject         text not null,
    payer_id        uuid not null references users,
    payee_id        uuid not null references users,
    amount          bigint not null check (amount > 0),
    currency        text not null,
    percent         integer not null,
    provider        text not null,
    intent_id       text unique,
    session_id      text unique,
    paid_intent     text unique,
    created_at      timestamptz not null,
    paid_at         timestamptz,
    failed_at       timestamptz,
    release_at      timestamptz,
    refunded        bigint not null default 0 check (refunded >= 0 and refunded <= amount),
    refunds         integer not null default 0,
    disputed        bigint not null default 0 check (disputed >= 0 and disputed <= amount),
    disputed_at     timestamptz,
    bookings        integer not null default 0,
    booked_net      bigint not null default 0,
    booked_released boolean not null default false
);
create index payments_by_payer on payments (payer_id, id);
create index payments_by_payee on payments (payee_id, id);
create index payments_open on payments (created_at) where paid_at is null and failed_at is null;
create index payments_held on payments (release_at) where not booked_released and paid_at is not null;

create table payment_events (
    id              text primary key,
    row_id          uuid not null unique,
    type            text not null,
    body            text not null,
    received_at     timestamptz not null,
    deliveries      integer not null default 1,
    state           text not null default 'waiting' check (state in ('waiting', 'done', 'ignored', 'failed')),
    reason          text not null default '',
    handled_at      timestamptz
);
create index payment_events_by_time on payment_events (received_at) where state <> 'waiting';
"""


def upgrade() -> None:
    op.execute(SQL)
