"""Where a subscription that is not paid yet can be, so that a second attempt leads there again or closes it."""

from alembic import op

revision = "0129"
down_revision = "0128"

OWNER = "memberships"


def upgrade() -> None:
    op.execute(
        "alter table subscriptions add column payment_id uuid, add column checkout_id text,"
        " add column checkout_url text, add column is_withdrawn boolean not null default false"
    )
