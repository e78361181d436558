"""Answers that agents of the support keep ready."""

from alembic import op

revision = "0119"
down_revision = "0118"

OWNER = "help"

SQL = """
create table help_macros (
    id              uuid primary key,
    author_id       uuid references users on delete set null,
    title           text not null,
    text            text not null,
    state           text,
    priority        text,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);
create index help_macros_by_author on help_macros (author_id, id);
"""


def upgrade() -> None:
    op.execute(SQL)
