"""Channels of streams: what is played instead of a stream that is fetched."""

from alembic import op

revision = "0055"
down_revision = "0054"

OWNER = "sources"

SQL = """
alter table stream_sources add column playout jsonb;
"""


def upgrade() -> None:
    op.execute(SQL)
