"""What owners of works have muted of uploaded videos: ``muted`` are times; rows of segments name what is played."""

from alembic import op

revision = "0095"
down_revision = "0094"

OWNER = "library"

SQL = """
alter table videos add column muted jsonb not null default '[]';
alter table video_segments add column muted_key text, add column muted_bytes bigint;
"""


def upgrade() -> None:
    op.execute(SQL)
