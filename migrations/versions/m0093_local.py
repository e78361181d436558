"""Offers of a place: goods, jobs, help and events, until they expire."""

from alembic import op

revision = "0093"
down_revision = "0092"

OWNER = "local"

SQL = """
-- lat, lon: rounded already to what the owner allows.
create table local_offers (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    kind            text not null check (kind in ('goods', 'jobs', 'help', 'events')),
    title           text not null,
    text            text not null,
    search          text not null,
    lat             double precision not null check (lat between -90 and 90),
    lon             double precision not null check (lon between -180 and 180),
    precision_km    double precision not null,
    place_name      text not null,
    starts_at       timestamptz,
    expires_at      timestamptz not null,
    created_at      timestamptz not null
);
create index local_offers_by_owner on local_offers (owner_id, id);
create index local_offers_by_place on local_offers using gist (point(lon, lat));
create index local_offers_by_end on local_offers (expires_at);
"""


def upgrade() -> None:
    op.execute(SQL)
