"""A payment may be held until what it is for says so."""

from alembic import op

revision = "0089"
down_revision = "0088"

OWNER = "payments"

SQL = """
alter table payments add column is_held boolean not null default false;
"""


def upgrade() -> None:
    op.execute(SQL)
