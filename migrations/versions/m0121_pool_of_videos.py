"""Splits and statements are of streams and of videos."""

from alembic import op

revision = "0121"
down_revision = "0120"

OWNER = "pool"

SQL = """
alter table splits alter column stream_id drop not null;
alter table splits add column video_id uuid references videos on delete cascade,
    add constraint splits_of_one check (num_nonnulls(stream_id, video_id) = 1),
    add column media_id uuid generated always as (coalesce(stream_id, video_id)) stored;
create index splits_by_video on splits (video_id) where video_id is not null;
drop index splits_agreed;
create unique index splits_agreed on splits (media_id) where state = 'agreed';
alter table pool_statements add column video_id uuid references videos on delete set null;
create index pool_statements_by_video on pool_statements (video_id) where video_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
