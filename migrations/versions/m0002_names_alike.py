"""Usernames by their skeleton (UTS 39), which display names may not share with them."""

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = """
create index users_by_skeleton on users ((replace(translate(username_key, 'i10', 'llo'), 'rn', 'm')));
"""


def upgrade() -> None:
    op.execute(SQL)
