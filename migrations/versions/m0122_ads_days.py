"""Impressions of old are kept as sums of days; a guest's address counts beside who they are."""

from alembic import op

revision = "0122"
down_revision = "0121"

OWNER = "ads"

SQL = """
create table ads_days (
    campaign_id     uuid not null references ads_campaigns,
    day             date not null,
    impressions     bigint not null,
    quarters        bigint not null,
    halves          bigint not null,
    three_quarters  bigint not null,
    wholes          bigint not null,
    clicks          bigint not null,
    invalid         bigint not null,
    milli           bigint not null,
    primary key (campaign_id, day)
);
-- source: a pseudonym of one day, of the address from which a guest was shown it.
alter table ads_impressions add column source uuid;
create index ads_impressions_by_source on ads_impressions (source, at) where source is not null;
create index ads_impressions_by_age on ads_impressions (at);
"""


def upgrade() -> None:
    op.execute(SQL)
