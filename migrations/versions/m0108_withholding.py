"""Withholding: how much of a payout is kept back for taxes, by country; '' is that of who has given no tax details."""

from alembic import op

revision = "0108"
down_revision = "0107"

OWNER = "payouts"

SQL = """
create table withholding_rules (
    country         text primary key check (country ~ '^([A-Z]{2})?$'),
    percent         integer not null check (percent between 1 and 100)
);
alter table payouts add column withheld bigint not null default 0 check (withheld between 0 and amount);
"""


def upgrade() -> None:
    op.execute(SQL)
