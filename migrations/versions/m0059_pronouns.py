"""How people want to be spoken of."""

from alembic import op

revision = "0059"
down_revision = "0058"

OWNER = "profiles"

SQL = """
alter table users add column pronouns text not null default '';
"""


def upgrade() -> None:
    op.execute(SQL)
