"""How long recordings are kept: their owner's rule, and those that no rule removes."""

from alembic import op

revision = "0046"
down_revision = "0045"

OWNER = "recordings"

SQL = """
create table recording_rules (
    owner_id        uuid primary key references users on delete cascade,
    keep_days       integer check (keep_days > 0),
    keep_gb         integer check (keep_gb > 0)
);
create table pinned_recordings (
    stream_id       uuid primary key references streams on delete cascade
);
"""


def upgrade() -> None:
    op.execute(SQL)
