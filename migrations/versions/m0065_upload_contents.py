"""What was found in files of pictures and sound that people send."""

from alembic import op

revision = "0065"
down_revision = "0064"

OWNER = "uploads"

SQL = """
alter table uploads
    add column duration_ms  bigint,
    add column container    text,
    add column tracks       int,
    add column video_codec  text,
    add column audio_codec  text,
    add column blurhash     text;
"""


def upgrade() -> None:
    op.execute(SQL)
