"""The language that a person was last seen with, for mails that others cause; one-time passwords; people as admins
look for them."""

from alembic import op

revision = "0011"
down_revision = "0010"

OWNER = "accounts"

SQL = """
alter table users
    add column language text not null default 'en',
    add column must_change_password boolean not null default false;
create index users_by_username on users (username_key text_pattern_ops);
create index users_by_email on users (email_key text_pattern_ops);
create index users_by_role on users using gin (roles);
create index users_suspended on users (suspended_until, id) where suspended_until is not null;
create index users_leaving on users (deleted_at, id) where deleted_at is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
