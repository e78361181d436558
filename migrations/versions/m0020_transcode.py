"""Whether a stream's smaller renditions are made: on demand, never, or all the time."""

from alembic import op

revision = "0020"
down_revision = "0019"

OWNER = "streams"

SQL = """
alter table streams add column transcode text not null default 'auto'
    check (transcode in ('auto', 'off', 'ladder'));
"""


def upgrade() -> None:
    op.execute(SQL)
