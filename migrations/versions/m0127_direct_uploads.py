"""An upload may come in parts that its client sends to the bucket itself."""

from alembic import op

revision = "0127"
down_revision = "0126"

OWNER = "uploads"

SQL = "alter table uploads add column direct_id text"


def upgrade() -> None:
    op.execute(SQL)
