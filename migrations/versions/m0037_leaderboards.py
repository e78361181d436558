"""Who is in no leaderboard."""

from alembic import op

revision = "0037"
down_revision = "0036"

OWNER = "leaderboards"

SQL = """
create table leaderboard_hidden (
    user_id         uuid primary key references users on delete cascade
);
"""


def upgrade() -> None:
    op.execute(SQL)
