"""Devices that an account was used from are known again by a cookie, of which the hash is kept."""

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = """
alter table auth_sessions add column device_key bytea;
"""


def upgrade() -> None:
    op.execute(SQL)
