"""Projects: members, the tasks of a board, and documents that people edit together."""

from alembic import op

revision = "0086"
down_revision = "0085"

OWNER = "projects"

SQL = """
create table projects (
    id              uuid primary key,
    title           text not null,
    description     text not null,
    columns         text[] not null,
    created_at      timestamptz not null
);
create table project_members (
    project_id      uuid not null references projects on delete cascade,
    person_id       uuid not null references users on delete cascade,
    role            text not null check (role in ('owner', 'editor', 'viewer')),
    since           timestamptz not null,
    primary key (project_id, person_id)
);
create index project_members_by_person on project_members (person_id, project_id);

create table project_tasks (
    id              uuid primary key,
    project_id      uuid not null references projects on delete cascade,
    title           text not null,
    text            text not null,
    board_column    text not null,
    position        double precision not null,
    assignee_id     uuid references users on delete set null,
    author_id       uuid references users on delete set null,
    due_at          timestamptz,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);
create index project_tasks_by_project on project_tasks (project_id, id);
create index project_tasks_by_assignee on project_tasks (assignee_id);
create index project_tasks_by_author on project_tasks (author_id);

create table project_documents (
    id              uuid primary key,
    project_id      uuid not null references projects on delete cascade,
    title           text not null,
    author_id       uuid references users on delete set null,
    seq             bigint not null default 0,
    size            bigint not null default 0,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);
create index project_documents_by_project on project_documents (project_id, id);
create index project_documents_by_author on project_documents (author_id);

-- Updates of Yjs behind the last version, in the order in which they were acknowledged.
create table project_document_updates (
    document_id     uuid not null references project_documents on delete cascade,
    seq             bigint not null,
    author_id       uuid references users on delete set null,
    data            bytea not null,
    at              timestamptz not null default now(),
    primary key (document_id, seq)
);
create index project_document_updates_by_author on project_document_updates (author_id);

-- Whole documents as they were after so many updates; the last one is where an actor begins.
create table project_document_versions (
    document_id     uuid not null references project_documents on delete cascade,
    seq             bigint not null,
    data            bytea not null,
    at              timestamptz not null default now(),
    primary key (document_id, seq)
);
"""


def upgrade() -> None:
    op.execute(SQL)
