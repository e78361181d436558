"""Tiers of creators, and subscriptions to them. A subscription gives its rights until ``paid_until``."""

from alembic import op

revision = "0071"
down_revision = "0070"

OWNER = "memberships"

SQL = """
alter table rights_changes drop constraint rights_changes_kind_check;
alter table rights_changes add constraint rights_changes_kind_check
    check (kind in ('account', 'block', 'follow', 'stream', 'name', 'room', 'subscription'));
alter table streams drop constraint streams_visibility_check;
alter table streams add constraint streams_visibility_check
    check (visibility in ('public', 'unlisted', 'followers', 'subscribers', 'password', 'private'));
alter table clips drop constraint clips_visibility_check;
alter table clips add constraint clips_visibility_check
    check (visibility in ('public', 'unlisted', 'followers', 'subscribers', 'password', 'private'));

create table tiers (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    name            text not null,
    description     text not null,
    amount          bigint not null,
    currency        text not null,
    place           integer not null,
    is_archived     boolean not null default false
);
create unique index tiers_by_name on tiers (owner_id, lower(name)) where not is_archived;
create index tiers_by_owner on tiers (owner_id, place) where not is_archived;

-- person_id has the rights, payer_id pays; months: how many were paid.
create table subscriptions (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    person_id       uuid not null references users on delete cascade,
    payer_id        uuid not null references users on delete cascade,
    tier_id         uuid not null references tiers on delete cascade,
    amount          bigint not null,
    currency        text not null,
    is_test         boolean not null,
    state           text not null default 'pending'
        check (state in ('pending', 'active', 'past_due', 'ended')),
    is_cancelled    boolean not null default false,
    stripe_id       text unique,
    months          integer not null default 0,
    created_at      timestamptz not null,
    started_at      timestamptz,
    paid_until      timestamptz,
    ended_at        timestamptz
);
create index subscriptions_by_person on subscriptions (person_id, id);
create index subscriptions_by_payer on subscriptions (payer_id, id);
create index subscriptions_rights on subscriptions (owner_id, person_id, paid_until);
create index subscriptions_due on subscriptions (paid_until) where state in ('active', 'past_due');
create unique index subscriptions_one on subscriptions (owner_id, person_id) where state in ('active', 'past_due');
create index subscriptions_by_tier on subscriptions (tier_id);
"""


def upgrade() -> None:
    op.execute(SQL)
