"""Months of a tier that were given to a room, and who pays a subscription at Stripe."""

from alembic import op

revision = "0083"
down_revision = "0082"

OWNER = "memberships"

SQL = """
-- amount: of one. placed: how many found a person.
create table subscription_gifts (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    payer_id        uuid not null references users on delete cascade,
    tier_id         uuid not null references tiers on delete cascade,
    payment_id      uuid not null,
    amount          bigint not null,
    currency        text not null,
    count           integer not null,
    placed          integer not null default 0,
    is_test         boolean not null,
    state           text not null default 'pending' check (state in ('pending', 'placed', 'refunded')),
    created_at      timestamptz not null
);
create index subscription_gifts_by_payer on subscription_gifts (payer_id, id);
create index subscription_gifts_by_owner on subscription_gifts (owner_id);
create index subscription_gifts_by_tier on subscription_gifts (tier_id);
alter table subscriptions add column gift_id uuid, add column stripe_customer text;
create index subscriptions_by_gift on subscriptions (gift_id) where gift_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
