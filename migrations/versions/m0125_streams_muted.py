"""A stream on the air knows until when it is mute, so that each publication of it begins so."""

from alembic import op

revision = "0125"
down_revision = "0124"

OWNER = "works"

SQL = "alter table streams add column muted_until_ms bigint not null default 0"


def upgrade() -> None:
    op.execute(SQL)
