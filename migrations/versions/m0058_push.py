"""Notifications by push and mail: the devices, what a person wants where and when, and what was delivered.

``place`` of a notification: in the list, among the requests of strangers, or nowhere when only push or mail are wanted.
A delivery is one notification by one channel to one device (mail has none), at most once.
"""

from alembic import op

revision = "0058"
down_revision = "0057"

OWNER = "notifications"

SQL = """
alter table notifications add column place text not null default 'list';
create index notifications_by_subject on notifications (subject_id) where subject_type = 'post';

-- Null: as the kind says.
alter table notification_settings add column push boolean, add column email boolean;

-- Quiet hours in minutes of the day, in the person's time zone. The token is in the links that end mails.
create table notification_preferences (
    person_id         uuid primary key references users on delete cascade,
    time_zone         text not null default 'UTC',
    quiet_from        smallint,
    quiet_until       smallint,
    strangers         text not null default 'notify',
    digest            text not null default 'off',
    next_digest_at    timestamptz,
    unsubscribe_token text unique
);
create index notification_preferences_digest on notification_preferences (next_digest_at)
    where next_digest_at is not null;

create table push_keys (
    id              smallint primary key check (id = 1),
    sealed_private  bytea not null
);

create table push_subscriptions (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    kind            text not null,
    target_hash     bytea not null unique,
    sealed_target   bytea not null,
    device          text not null,
    created_at      timestamptz not null default now(),
    sent_at         timestamptz
);
create index push_subscriptions_by_person on push_subscriptions (person_id, id);

-- Without a reference to users, whose check costs as much as an index: erasing a person removes their rows.
create table notification_deliveries (
    id              uuid primary key,
    person_id       uuid not null,
    notification_id uuid not null,
    kind            text not null,
    subject_id      uuid not null,
    channel         text not null,
    subscription_id uuid not null default '00000000-0000-0000-0000-000000000000',
    state           text not null default 'waiting',
    reason          text not null default '',
    tries           smallint not null default 0,
    created_at      timestamptz not null default now(),
    ended_at        timestamptz
);
create unique index notification_deliveries_once
    on notification_deliveries (person_id, notification_id, channel, subscription_id);
-- Few indexes, as a fan-out writes 50,000 rows at once: ids are in the order of time, and few end like these.
create index notification_deliveries_bad on notification_deliveries (state, id)
    where state in ('failed', 'gone', 'unsure');
create index notification_deliveries_mails on notification_deliveries (person_id, ended_at)
    where channel = 'email' and state = 'sent';
"""


def upgrade() -> None:
    op.execute(SQL)
