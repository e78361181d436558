"""How many of a raid came."""

from alembic import op

revision = "0036"
down_revision = "0035"

OWNER = "raids"

SQL = """
alter table raids add column came integer;
"""


def upgrade() -> None:
    op.execute(SQL)
