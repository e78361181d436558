"""Goals of the owners of rooms."""

from alembic import op

revision = "0053"
down_revision = "0052"

OWNER = "goals"

SQL = """
create table goals (
    owner_id        uuid not null references users on delete cascade,
    kind            text not null,
    title           text not null,
    target          bigint not null,
    is_from_now     boolean not null,
    set_at          timestamptz not null,
    primary key (owner_id, kind)
);
"""


def upgrade() -> None:
    op.execute(SQL)
