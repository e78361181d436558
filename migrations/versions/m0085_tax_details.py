"""Tax details of who is paid, sealed with the server's key."""

from alembic import op

revision = "0085"
down_revision = "0084"

OWNER = "payouts"

SQL = """
create table tax_details (
    person_id       uuid primary key references users on delete cascade,
    sealed          bytea not null,
    changed_at      timestamptz not null
);
create index payouts_by_paid_at on payouts (paid_at) where state = 'paid';
"""


def upgrade() -> None:
    op.execute(SQL)
