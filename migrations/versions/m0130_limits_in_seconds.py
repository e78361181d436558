"""Limits of a day and breaks in seconds, as all durations are; in minutes they stay for nodes of the version before."""

from alembic import op

revision = "0130"
down_revision = "0129"

OWNER = "wellbeing"

SQL = """
alter table {table}
    add column daily_seconds integer check (daily_seconds between 60 and 86400),
    add column break_seconds integer check (break_seconds between 300 and 14400);
update {table} set daily_seconds = daily_minutes * 60, break_seconds = break_minutes * 60;
"""


def upgrade() -> None:
    for table in ("wellbeing_settings", "wellbeing_guardians"):
        op.execute(SQL.format(table=table))
