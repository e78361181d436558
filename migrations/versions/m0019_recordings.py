"""Markers of streams, and recordings as files.

A recording's file is its beginning and a list of segments, two objects below the stream's: the segments stay as they
are, and all of it goes with the stream.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

OWNER = "recordings"

SQL = """
create table stream_markers (
    id              uuid primary key,
    stream_id       uuid not null references streams on delete cascade,
    author_id       uuid not null references users on delete cascade,
    at_ms           bigint not null,
    label           text not null,
    created_at      timestamptz not null default now()
);
create index stream_markers_by_time on stream_markers (stream_id, at_ms, id);
create index stream_markers_by_author on stream_markers (author_id, id);

create table recording_files (
    stream_id       uuid primary key references streams on delete cascade,
    state           text not null default 'queued' check (state in ('queued', 'ready', 'failed')),
    progress        real not null default 0,
    head_bytes      bigint,
    size            bigint,
    reason          text not null default '',
    asked_at        timestamptz not null default now(),
    ready_at        timestamptz
);
"""


def upgrade() -> None:
    op.execute(SQL)
