"""Posts for some countries and ages."""

from alembic import op

revision = "0080"
down_revision = "0079"

OWNER = "posts"

SQL = """
alter table posts add column restrictions jsonb;
"""


def upgrade() -> None:
    op.execute(SQL)
