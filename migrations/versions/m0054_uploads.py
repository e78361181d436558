"""Files that people send, piece by piece, and what was found in them."""

from alembic import op

revision = "0054"
down_revision = "0053"

OWNER = "uploads"

SQL = """
create table uploads (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    state           text not null default 'receiving' check (state in ('receiving', 'checking', 'ready', 'refused')),
    kind            text check (kind in ('image', 'video', 'audio', 'text')),
    reason          text,
    size            bigint check (size >= 0),
    received        bigint not null default 0 check (received >= 0 and (size is null or received <= size)),
    writer          bigint not null default 0,
    filename        text,
    filetype        text,
    metadata        text,
    concat          text,
    joined_into     uuid references uploads on delete cascade,
    width           int,
    height          int,
    preview_width   int,
    preview_height  int,
    claimed_by      text,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null
);
create index uploads_owner on uploads (owner_id, id);
create index uploads_joined on uploads (joined_into) where joined_into is not null;
create index uploads_expiring on uploads (expires_at) where claimed_by is null and joined_into is null;

create table upload_segments (
    upload_id       uuid not null references uploads on delete cascade,
    start           bigint not null,
    size            int not null check (size > 0),
    key             text not null,
    primary key (upload_id, start)
);
"""


def upgrade() -> None:
    op.execute(SQL)
