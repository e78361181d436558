"""Rewards that cost channel points, and who has redeemed them."""

from alembic import op

revision = "0031"
down_revision = "0030"

OWNER = "rewards"

SQL = """
create table rewards (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    title           text not null,
    prompt          text not null default '',
    cost            bigint not null check (cost > 0),
    needs_text      boolean not null default false,
    is_paused       boolean not null default false,
    created_at      timestamptz not null
);
create index rewards_by_owner on rewards (owner_id, id);

create table reward_redemptions (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    room_id         uuid not null references chat_rooms on delete cascade,
    reward_id       uuid references rewards on delete set null,
    person_id       uuid not null references users on delete cascade,
    client_id       text not null,
    title           text not null,
    cost            bigint not null,
    text            text not null default '',
    state           text not null default 'waiting' check (state in ('waiting', 'fulfilled', 'refused')),
    media_time_ms   bigint,
    redeemed_at     timestamptz not null,
    decided_at      timestamptz,
    unique (owner_id, person_id, client_id)
);
create index reward_redemptions_queue on reward_redemptions (owner_id, state, id);
create index reward_redemptions_by_person on reward_redemptions (person_id, id);
create index reward_redemptions_by_reward on reward_redemptions (reward_id);
"""


def upgrade() -> None:
    op.execute(SQL)
