"""Where in its segment a recording's key frame ends, for I-frame playlists; 0 where it was not written down."""

from alembic import op

revision = "0021"
down_revision = "0020"

OWNER = "streams"

SQL = """
alter table stream_segments add column key_bytes integer not null default 0 check (key_bytes >= 0);
"""


def upgrade() -> None:
    op.execute(SQL)
