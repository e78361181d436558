"""Recordings that were trimmed: what is left of them, in media time of the stream.

``end_ms`` null: to the end. ``edition``: that of the rows of segments (``recording_mutes``) which the last trim wrote.
``folders``: of all objects that rows named before; they go with the recording.
"""

from alembic import op

revision = "0132"
down_revision = "0131"

OWNER = "recordings"

SQL = """
create table recording_trims (
    stream_id       uuid primary key references streams on delete cascade,
    begin_ms        bigint not null,
    end_ms          bigint,
    edition         integer not null,
    folders         text[] not null
);
"""


def upgrade() -> None:
    op.execute(SQL)
