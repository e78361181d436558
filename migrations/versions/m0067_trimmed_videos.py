"""Videos that were trimmed: ``begin_ms`` is when the media time of their segments begins."""

from alembic import op

revision = "0067"
down_revision = "0066"

OWNER = "library"

SQL = "alter table videos add column begin_ms bigint not null default 0;"


def upgrade() -> None:
    op.execute(SQL)
