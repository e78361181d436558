"""What streamers show for sale in their streams, and listings that open at a moment."""

from alembic import op

revision = "0100"
down_revision = "0099"

OWNER = "market"

SQL = """
alter table market_listings add column opens_at timestamptz;
create table market_shelf (
    stream_id       uuid not null references streams on delete cascade,
    listing_id      uuid not null references market_listings on delete cascade,
    shown_at        timestamptz not null,
    primary key (stream_id, listing_id)
);
create index market_shelf_by_listing on market_shelf (listing_id);
"""


def upgrade() -> None:
    op.execute(SQL)
