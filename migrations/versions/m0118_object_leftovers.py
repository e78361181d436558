"""Objects that no row names, as the last look found them, and what it found of all of them."""

from alembic import op

revision = "0118"
down_revision = "0117"

OWNER = "objects"

SQL = """
create table object_leftovers (
    id              uuid primary key default gen_random_uuid(),
    prefix          text not null unique,
    objects         integer not null,
    bytes           bigint not null,
    found_at        timestamptz not null,
    seen_at         timestamptz not null
);
create index object_leftovers_by_age on object_leftovers (found_at, id);

create table object_scan (
    is_one          boolean primary key default true check (is_one),
    scanned_at      timestamptz not null,
    kinds           jsonb not null,
    is_written      boolean not null,
    moved           integer not null
);
"""


def upgrade() -> None:
    op.execute(SQL)
