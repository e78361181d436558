"""What owners of works have muted of recordings: ``muted`` are times; rows of segments name what is played.

``edition`` grows with each change, so that a silenced segment has an address of its own.
"""

from alembic import op

revision = "0114"
down_revision = "0113"

OWNER = "recordings"

SQL = """
create table recording_mutes (
    stream_id       uuid primary key references streams on delete cascade,
    edition         integer not null,
    muted           jsonb not null
);

alter table stream_segments
    add column muted_key text,
    add column muted_bytes integer,
    add column edition integer not null default 0;

alter table recording_files add column edition integer not null default 0;

alter table rights_changes drop constraint rights_changes_kind_check;
alter table rights_changes add constraint rights_changes_kind_check
    check (kind in ('account', 'block', 'follow', 'stream', 'name', 'room', 'subscription', 'recording'));
"""


def upgrade() -> None:
    op.execute(SQL)
