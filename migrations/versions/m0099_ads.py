"""Advertising: campaigns that are paid in advance, their videos, leases of their money by nodes, and what was shown.

Money of impressions is counted in thousandths of minor units, as a price is that of a thousand impressions.
"""

from alembic import op

revision = "0099"
down_revision = "0098"

OWNER = "ads"

SQL = """
-- paid: what has come of its payments and stays. spent, leased: thousandths; spent is that of leases that are closed,
-- leased what the others may still spend.
create table ads_campaigns (
    id              uuid primary key,
    owner_id        uuid not null references users,
    name            text not null,
    state           text not null default 'active' check (state in ('active', 'paused', 'ended')),
    budget          bigint not null check (budget > 0),
    paid            bigint not null default 0,
    bid             bigint not null check (bid > 0),
    currency        text not null,
    starts_at       timestamptz not null,
    ends_at         timestamptz not null check (ends_at > starts_at),
    targeting       jsonb not null,
    avoid           text[] not null,
    cap             integer not null,
    click_url       text not null,
    spent           bigint not null default 0,
    leased          bigint not null default 0 check (leased >= 0),
    is_returned     boolean not null default false,
    created_at      timestamptz not null,
    changed_at      timestamptz not null,
    constraint ads_campaigns_within_budget check (spent + leased <= budget * 1000)
);
create index ads_campaigns_by_owner on ads_campaigns (owner_id, id);
create index ads_campaigns_by_change on ads_campaigns (changed_at);
create index ads_campaigns_running on ads_campaigns (ends_at) where state = 'active';
create index ads_campaigns_to_return on ads_campaigns (ends_at) where not is_returned and paid > 0;

create table ads_payments (
    payment_id      uuid primary key,
    campaign_id     uuid not null references ads_campaigns,
    amount          bigint not null,
    net             bigint not null default 0,
    created_at      timestamptz not null
);
create index ads_payments_by_campaign on ads_payments (campaign_id, payment_id);

-- edition: that of the video which was approved.
create table ads_creatives (
    id              uuid primary key,
    campaign_id     uuid not null references ads_campaigns,
    video_id        uuid not null,
    edition         integer not null,
    duration_ms     integer not null,
    labels          text[] not null,
    state           text not null default 'waiting' check (state in ('waiting', 'approved', 'refused')),
    reason          text not null default '',
    created_at      timestamptz not null,
    decided_at      timestamptz,
    unique (campaign_id, video_id)
);
create index ads_creatives_waiting on ads_creatives (id) where state = 'waiting';
create index ads_creatives_by_state on ads_creatives (state, id);

create table ads_leases (
    id              uuid primary key,
    campaign_id     uuid not null references ads_campaigns,
    node            text not null,
    amount          bigint not null check (amount > 0),
    spent           bigint not null default 0,
    closes_at       timestamptz not null,
    is_closed       boolean not null default false,
    check (spent >= 0 and spent <= amount)
);
create index ads_leases_open on ads_leases (closes_at) where not is_closed;
create index ads_leases_by_campaign on ads_leases (campaign_id) where not is_closed;

-- percent: the creator's share, as it was when the first impression was booked. settled, parted: minor units that were
-- moved, and the creator's part of them.
create table ads_earnings (
    campaign_id     uuid not null references ads_campaigns,
    owner_id        uuid not null references users,
    percent         integer not null,
    impressions     bigint not null default 0,
    milli           bigint not null default 0,
    settled         bigint not null default 0,
    parted          bigint not null default 0,
    bookings        integer not null default 0,
    primary key (campaign_id, owner_id),
    check (settled * 1000 <= milli)
);
create index ads_earnings_due on ads_earnings (campaign_id, owner_id) where milli - settled * 1000 >= 1000;
create index ads_earnings_by_owner on ads_earnings (owner_id);

-- seen: a bit for each quarter that was seen. fault: why it is not charged.
create table ads_impressions (
    id              uuid primary key,
    campaign_id     uuid not null references ads_campaigns,
    creative_id     uuid not null,
    stream_id       uuid not null,
    viewer          uuid not null,
    place           text not null,
    price           bigint not null,
    fault           text not null default '',
    seen            integer not null default 1,
    at              timestamptz not null,
    clicked_at      timestamptz
);
create index ads_impressions_by_campaign on ads_impressions (campaign_id, at);
create index ads_impressions_by_viewer on ads_impressions (viewer, at);

-- viewer: a pseudonym of one day.
create table ads_frequency (
    viewer          uuid not null,
    day             date not null,
    campaign_id     uuid not null references ads_campaigns,
    shown           integer not null,
    last_at         timestamptz not null,
    primary key (viewer, day, campaign_id)
);
create index ads_frequency_by_day on ads_frequency (day);
create index ads_frequency_by_campaign on ads_frequency (campaign_id);

create table ads_preferences (
    person_id       uuid primary key references users on delete cascade,
    consents        boolean not null,
    interests       text[] not null,
    changed_at      timestamptz not null
);
create table ads_creators (
    owner_id        uuid primary key references users on delete cascade,
    is_on           boolean not null,
    warnings        text[] not null,
    refuses         text[] not null,
    break_minutes   integer,
    changed_at      timestamptz not null
);
create table ads_breaks (
    id              uuid primary key,
    stream_id       uuid not null references streams on delete cascade,
    at_ms           bigint not null,
    created_at      timestamptz not null
);
create index ads_breaks_by_stream on ads_breaks (stream_id, at_ms);
"""


def upgrade() -> None:
    op.execute(SQL)
