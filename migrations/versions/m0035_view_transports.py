"""How viewers watched: for how long by which protocol and rendition, and how far behind."""

from alembic import op

revision = "0035"
down_revision = "0034"

OWNER = "streams"

SQL = """
alter table view_sessions add column watched_by jsonb not null default '{}';
alter table view_sessions add column latency_ms integer not null default 0;
"""


def upgrade() -> None:
    op.execute(SQL)
