"""What accounts have in common that may belong to one person."""

from alembic import op

revision = "0110"
down_revision = "0109"

OWNER = "cases"

SQL = """
create table evasion_key (
    only_row        boolean primary key default true check (only_row),
    sealed          bytea not null
);
create table evasion_signals (
    person_id       uuid not null references users on delete cascade,
    kind            text not null check (kind in ('address', 'device')),
    digest          bytea not null,
    seen_at         timestamptz not null,
    primary key (person_id, kind, digest)
);
comment on table evasion_signals is 'keyed digests of address ranges and devices, kept 90 days';
create index evasion_signals_by_digest on evasion_signals (kind, digest);
create index evasion_signals_by_time on evasion_signals (seen_at);
"""


def upgrade() -> None:
    op.execute(SQL)
