"""The market: listings with their pictures, orders, reviews."""

from alembic import op

revision = "0090"
down_revision = "0089"

OWNER = "market"

SQL = """
-- lat, lon: rounded already to what the seller allows.
create table market_listings (
    id              uuid primary key,
    seller_id       uuid not null references users on delete cascade,
    title           text not null,
    description     text not null,
    category        text not null,
    search          text not null,
    price           bigint not null check (price > 0),
    currency        text not null,
    shipping        bigint not null check (shipping >= 0),
    stock           integer not null check (stock >= 0),
    state           text not null default 'open' check (state in ('open', 'closed')),
    lat             double precision check (lat between -90 and 90),
    lon             double precision check (lon between -180 and 180),
    precision_km    double precision,
    place_name      text not null default '',
    stars           integer not null default 0,
    reviews         integer not null default 0,
    created_at      timestamptz not null,
    check ((lat is null) = (lon is null) and (lat is null) = (precision_km is null))
);
create index market_listings_by_seller on market_listings (seller_id, id);
create index market_listings_for_sale on market_listings (id) where state = 'open' and stock > 0;
create index market_listings_by_place on market_listings using gist (point(lon, lat));

create table market_pictures (
    listing_id      uuid not null references market_listings on delete cascade,
    position        smallint not null,
    id              uuid not null unique,
    url             text not null,
    preview_url     text not null,
    width           integer,
    height          integer,
    alt             text not null,
    primary key (listing_id, position)
);

create table market_orders (
    id              uuid primary key,
    listing_id      uuid references market_listings on delete set null,
    buyer_id        uuid not null references users,
    seller_id       uuid not null references users,
    payment_id      uuid not null unique,
    title           text not null,
    quantity        integer not null check (quantity > 0),
    price           bigint not null,
    shipping        bigint not null,
    amount          bigint not null check (amount = price * quantity + shipping),
    currency        text not null,
    is_test         boolean not null,
    state           text not null default 'pending' check (state in (
        'pending', 'paid', 'shipped', 'disputed', 'contested', 'received', 'cancelled', 'refunded')),
    deliver_to      text not null,
    tracking        text not null default '',
    reason          text not null default '',
    answer          text not null default '',
    created_at      timestamptz not null,
    paid_at         timestamptz,
    shipped_at      timestamptz,
    ended_at        timestamptz,
    due_at          timestamptz
);
create index market_orders_by_buyer on market_orders (buyer_id, id);
create index market_orders_by_seller on market_orders (seller_id, id);
create index market_orders_by_listing on market_orders (listing_id);
create index market_orders_due on market_orders (due_at) where due_at is not null;

create table market_reviews (
    id              uuid primary key references market_orders on delete cascade,
    listing_id      uuid not null references market_listings on delete cascade,
    author_id       uuid not null references users on delete cascade,
    stars           smallint not null check (stars between 1 and 5),
    text            text not null,
    created_at      timestamptz not null
);
create index market_reviews_by_listing on market_reviews (listing_id, id);
create index market_reviews_by_author on market_reviews (author_id);
"""


def upgrade() -> None:
    op.execute(SQL)
