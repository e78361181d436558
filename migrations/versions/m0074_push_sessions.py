"""A device that notifications are pushed to belongs to the session that added it, and goes with it."""

from alembic import op

revision = "0074"
down_revision = "0073"

OWNER = "notifications"

SQL = """
alter table push_subscriptions add column session_id uuid references auth_sessions on delete cascade;
create index push_subscriptions_by_session on push_subscriptions (session_id) where session_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
