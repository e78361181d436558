"""Notes on cases, and texts that moderators begin an answer with."""

from alembic import op

revision = "0088"
down_revision = "0087"

OWNER = "cases"

SQL = """
create table case_notes (
    id              uuid primary key,
    case_id         uuid not null references cases on delete cascade,
    author_id       uuid references users on delete set null,
    text            text not null,
    created_at      timestamptz not null
);
create index case_notes_by_case on case_notes (case_id, id);
create index case_notes_by_author on case_notes (author_id) where author_id is not null;

create table case_templates (
    id              uuid primary key,
    title           text not null,
    text            text not null,
    created_at      timestamptz not null
);
"""


def upgrade() -> None:
    op.execute(SQL)
