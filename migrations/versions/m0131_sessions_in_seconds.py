"""How long the session of a lesson is, in seconds; in minutes it stays for nodes of the version before."""

from alembic import op

revision = "0131"
down_revision = "0130"

OWNER = "courses"

SQL = """
alter table course_lessons add column lasts_seconds integer not null default 3600;
update course_lessons set lasts_seconds = lasts_minutes * 60 where lasts_minutes <> 60;
"""


def upgrade() -> None:
    op.execute(SQL)
