"""Webhooks: where a person's events are sent, the deliveries and what came of them, how far each has read rooms."""

from alembic import op

revision = "0042"
down_revision = "0041"

OWNER = "webhooks"

SQL = """
create table webhooks (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    url             text not null,
    events          text[] not null,
    sealed_secret   bytea not null,
    created_at      timestamptz not null default now(),
    dropped         bigint not null default 0,
    silences        integer not null default 0,
    silent_until    timestamptz,
    failing_since   timestamptz,
    disabled_at     timestamptz
);
create index webhooks_by_owner on webhooks (owner_id, id);
create index webhooks_of_chat on webhooks (id) where disabled_at is null and 'chat.message' = any (events);

-- body is what is signed and sent, byte for byte. claimed_by: the job that sends it at the moment.
create table webhook_deliveries (
    id              uuid primary key,
    webhook_id      uuid not null references webhooks on delete cascade,
    event_id        uuid not null,
    event           text not null,
    body            text not null,
    replay_of       uuid,
    state           text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
    created_at      timestamptz not null default now(),
    next_try_at     timestamptz default now(),
    claimed_by      uuid,
    claimed_until   timestamptz,
    tries           integer not null default 0,
    tried_at        timestamptz,
    status          integer,
    error           text not null default '',
    answer          text not null default '',
    duration_ms     integer
);
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_waiting on webhook_deliveries (webhook_id, next_try_at) where state = 'waiting';
create index webhook_deliveries_by_age on webhook_deliveries (created_at);

create table webhook_rooms (
    webhook_id      uuid not null references webhooks on delete cascade,
    room_id         uuid not null references chat_rooms on delete cascade,
    "offset"        bigint not null,
    primary key (webhook_id, room_id)
);
create index webhook_rooms_by_room on webhook_rooms (room_id);
create index chat_rooms_by_owner on chat_rooms (owner_id);
"""


def upgrade() -> None:
    op.execute(SQL)
