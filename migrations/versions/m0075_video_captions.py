"""Captions and chapters of uploaded videos. Times are media time of the segments, so that they outlast a trim."""

from alembic import op

revision = "0075"
down_revision = "0074"

OWNER = "library"

SQL = """
alter table videos add column chapters jsonb not null default '[]';

create table video_captions (
    video_id    uuid not null references videos on delete cascade,
    language    text not null,
    cues        jsonb not null,
    primary key (video_id, language)
);
"""


def upgrade() -> None:
    op.execute(SQL)
