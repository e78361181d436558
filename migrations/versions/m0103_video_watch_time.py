"""Watch time of videos, and who was seen watching within the last hours: by a mark that names nobody."""

from alembic import op

revision = "0103"
down_revision = "0102"

OWNER = "library"

SQL = """
alter table videos add column watched_ms bigint not null default 0;

create table video_sittings (
    video_id        uuid not null references videos on delete cascade,
    viewer          bytea not null,
    seen_at         timestamptz not null,
    beat_at         timestamptz not null,
    is_playing      boolean,
    added_ms        bigint not null,
    added_views     integer not null,
    has_counted     boolean not null,
    primary key (video_id, viewer)
);
create index video_sittings_by_age on video_sittings (seen_at);

create table video_days (
    video_id        uuid not null references videos on delete cascade,
    day             date not null,
    watched_ms      bigint not null,
    primary key (video_id, day)
);
create index video_days_by_day on video_days (day);
"""


def upgrade() -> None:
    op.execute(SQL)
