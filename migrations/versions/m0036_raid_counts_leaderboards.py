"""How many of a raid came, and who is in no leaderboard."""

from alembic import op

revision = "0036"
down_revision = "0035"

OWNER = "raids"

SQL = """
alter table raids add column came integer;

create table leaderboard_hidden (
    user_id         uuid primary key references users on delete cascade
);
"""


def upgrade() -> None:
    op.execute(SQL)
