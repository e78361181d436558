"""A stream whose sound moderators have taken away, whatever rights holders ask for."""

from alembic import op

revision = "0128"
down_revision = "0127"

OWNER = "cases"

SQL = "alter table streams add column is_silenced boolean not null default false"


def upgrade() -> None:
    op.execute(SQL)
