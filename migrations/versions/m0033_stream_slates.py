"""Whether a stream shows a slate while its publisher is away, and whether the newest of two publishers wins."""

from alembic import op

revision = "0033"
down_revision = "0032"

OWNER = "streams"

SQL = """
alter table streams
    add column slate text not null default 'auto' check (slate in ('auto', 'off')),
    add column takeover text not null default 'auto' check (takeover in ('auto', 'refuse', 'newest'));
"""


def upgrade() -> None:
    op.execute(SQL)
