"""Until when on its media clock a stream on the air is mute, because of a match of a work."""

from alembic import op

revision = "0116"
down_revision = "0115"

OWNER = "works"

SQL = "alter table work_matches add column muted_until_ms bigint"


def upgrade() -> None:
    op.execute(SQL)
