"""What people link to from their profiles."""

from alembic import op

revision = "0027"
down_revision = "0026"

OWNER = "profiles"

SQL = """
alter table users add column links jsonb not null default '[]';
"""


def upgrade() -> None:
    op.execute(SQL)
