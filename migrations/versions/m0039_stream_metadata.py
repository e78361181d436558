"""What the owner of a stream tells its viewers' clients at moments of the media clock."""

from alembic import op

revision = "0039"
down_revision = "0038"

OWNER = "metadata"

SQL = """
create table stream_metadata (
    id              uuid primary key,
    stream_id       uuid not null references streams on delete cascade,
    author_id       uuid not null references users on delete cascade,
    at_ms           bigint not null check (at_ms >= 0),
    text            text,
    data            jsonb,
    created_at      timestamptz not null default now(),
    check ((text is null) <> (data is null))
);
create index stream_metadata_by_time on stream_metadata (stream_id, at_ms, id);
create index stream_metadata_by_author on stream_metadata (author_id, id);
"""


def upgrade() -> None:
    op.execute(SQL)
