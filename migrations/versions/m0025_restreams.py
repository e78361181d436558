"""Restreams: where streams are pushed on to. ``scope_id`` is a stream, or the person whose streams all go there.

``address`` is without the stream key, which is sealed.
"""

from alembic import op

revision = "0025"
down_revision = "0024"

OWNER = "restreams"

SQL = """
create table restreams (
    scope_id        uuid not null,
    name            text not null,
    owner_id        uuid not null references users on delete cascade,
    stream_id       uuid references streams on delete cascade,
    address         text not null,
    sealed_key      bytea not null,
    created_at      timestamptz not null default now(),
    primary key (scope_id, name)
);
create index restreams_by_owner on restreams (owner_id, scope_id, name);
create index restreams_by_stream on restreams (stream_id) where stream_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
