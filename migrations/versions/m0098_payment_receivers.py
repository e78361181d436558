"""A payment may go to the account out of which its payer advertises."""

from alembic import op

revision = "0098"
down_revision = "0097"

OWNER = "payments"

SQL = """
alter table payments add column receiver text not null default 'person'
    check (receiver in ('person', 'advertising'));
"""


def upgrade() -> None:
    op.execute(SQL)
