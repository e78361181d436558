"""How far the messages of rooms have been screened."""

from alembic import op

revision = "0109"
down_revision = "0108"

OWNER = "screening"

SQL = """
create table screened_chat (
    only_row        boolean primary key default true check (only_row),
    last_id         uuid not null
);
comment on table screened_chat is 'the id of the newest message that was judged: ids grow with time';
"""


def upgrade() -> None:
    op.execute(SQL)
