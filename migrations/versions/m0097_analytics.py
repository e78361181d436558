"""Analytics: events in daily partitions, what they come to by day, and sums over the views of large streams."""

from alembic import op

revision = "0097"
down_revision = "0096"

OWNER = "analytics"

SQL = """
create table analytics_events (
    id              uuid not null,
    at              timestamptz not null,
    kind            text not null check (kind in ('view', 'video_view')),
    creator_id      uuid not null,
    item_id         uuid not null,
    viewer          bytea not null,
    country         text not null,
    device          text not null,
    source          text not null,
    is_rolled       boolean not null default false,
    primary key (id, at)
) partition by range (at);
comment on column analytics_events.viewer is 'a hash of day and viewer: counts viewers of a day, and names nobody';
create index analytics_events_unrolled on analytics_events (at) where not is_rolled;
create index analytics_events_of_creator on analytics_events (creator_id);

create table analytics_viewers (
    day             date not null,
    item_id         uuid not null,
    viewer          bytea not null,
    primary key (day, item_id, viewer)
);

create table analytics_daily (
    owner_id        uuid not null references users on delete cascade,
    day             date not null,
    item_id         uuid not null,
    metric          text not null,
    dimension       text not null,
    key             text not null,
    value           bigint not null,
    primary key (owner_id, day, item_id, metric, dimension, key)
);
create index analytics_daily_by_day on analytics_daily (day, metric) where dimension = '';

create table analytics_streams (
    stream_id       uuid primary key references streams on delete cascade,
    computed_at     timestamptz not null,
    sums            jsonb not null
);
"""


def upgrade() -> None:
    op.execute(SQL)
