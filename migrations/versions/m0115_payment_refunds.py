"""What of a payment was asked to go back, and why the provider would not give it."""

from alembic import op

revision = "0115"
down_revision = "0114"

OWNER = "payments"

SQL = """
alter table payments add column refund_asked bigint not null default 0,
    add column refund_refused text not null default '';
"""


def upgrade() -> None:
    op.execute(SQL)
