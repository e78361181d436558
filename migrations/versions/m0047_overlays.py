"""The keys of overlays: API tokens that are shown to their person again, so they are kept sealed beside their hash."""

from alembic import op

revision = "0047"
down_revision = "0046"

OWNER = "overlays"

SQL = """
create table overlay_keys (
    owner_id        uuid primary key references users on delete cascade,
    token_id        uuid not null,
    sealed_key      bytea not null,
    created_at      timestamptz not null default now()
);
"""


def upgrade() -> None:
    op.execute(SQL)
