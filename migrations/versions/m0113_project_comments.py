"""Comments on the documents of projects."""

from alembic import op

revision = "0113"
down_revision = "0112"

OWNER = "projects"

SQL = """
-- Without a thread, a comment begins one: then it has the place in the text that it is about, as Yjs's relative
-- positions, and the words that stood there.
create table project_comments (
    id              uuid primary key,
    document_id     uuid not null references project_documents on delete cascade,
    thread_id       uuid references project_comments on delete cascade,
    author_id       uuid references users on delete set null,
    text            text not null,
    quote           text not null,
    place           jsonb,
    created_at      timestamptz not null,
    changed_at      timestamptz not null,
    resolved_at     timestamptz
);
create index project_comments_by_document on project_comments (document_id, id) where thread_id is null;
create index project_comments_by_thread on project_comments (thread_id, id);
create index project_comments_by_author on project_comments (author_id, id);
"""


def upgrade() -> None:
    op.execute(SQL)
