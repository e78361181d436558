"""Of which version the hashes of a work are: those of another one are made anew."""

from alembic import op

revision = "0126"
down_revision = "0125"

OWNER = "works"

SQL = """
alter table works add column version int not null default 1;
create index works_by_version on works (version) where state = 'ready';
"""


def upgrade() -> None:
    op.execute(SQL)
