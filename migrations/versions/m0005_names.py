"""A change of a person's name is followed by every node, as changes of rights are."""

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = """
alter table rights_changes drop constraint rights_changes_kind_check;
alter table rights_changes add constraint rights_changes_kind_check
    check (kind in ('account', 'block', 'stream', 'name'));
"""


def upgrade() -> None:
    op.execute(SQL)
