"""The posts of videos, whose replies are their comments. ``wants_post``: one is made once the video is ready."""

from alembic import op

revision = "0094"
down_revision = "0093"

OWNER = "posts"

SQL = """
alter table videos add column wants_post boolean not null default false;
alter table posts add column video_id uuid unique;
create index post_media_of_video on post_media (id) where kind = 'video';
"""


def upgrade() -> None:
    op.execute(SQL)
