"""Payments that are made by invoices of a provider, once each."""

from alembic import op

revision = "0072"
down_revision = "0071"

OWNER = "payments"

SQL = """
alter table payments add column invoice_id text unique;
"""


def upgrade() -> None:
    op.execute(SQL)
