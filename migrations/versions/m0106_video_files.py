"""The MP4 of an uploaded video: of which edition it is, its bytes, and those before its content."""

from alembic import op

revision = "0106"
down_revision = "0105"

OWNER = "library"

SQL = """
alter table videos
    add column file_edition integer,
    add column file_head_bytes bigint,
    add column file_bytes bigint;
"""


def upgrade() -> None:
    op.execute(SQL)
