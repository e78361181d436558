"""Sources: where streams are fetched from. ``address`` is without what may be a secret; ``url`` is the whole, sealed.

``node`` fetches it until ``leased_until``, which it moves on.
"""

from alembic import op

revision = "0026"
down_revision = "0025"

OWNER = "sources"

SQL = """
create table stream_sources (
    stream_id       uuid primary key references streams on delete cascade,
    owner_id        uuid not null references users on delete cascade,
    address         text not null,
    sealed_url      bytea not null,
    node            text not null default '',
    leased_until    timestamptz not null default '-infinity',
    created_at      timestamptz not null default now()
);
create index stream_sources_by_owner on stream_sources (owner_id, stream_id);
create index stream_sources_by_lease on stream_sources (leased_until);
"""


def upgrade() -> None:
    op.execute(SQL)
