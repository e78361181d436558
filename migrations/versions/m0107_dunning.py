"""Dunning: how far who pays for a subscription was told that its next month is not paid."""

from alembic import op

revision = "0107"
down_revision = "0106"

OWNER = "memberships"


def upgrade() -> None:
    op.execute("alter table subscriptions add column dunned smallint not null default 0")
