"""Lessons that are a session: when it is, for how long, and the call in which it is held."""

from alembic import op

revision = "0124"
down_revision = "0123"

OWNER = "courses"

SQL = """
alter table course_lessons add column starts_at timestamptz;
alter table course_lessons add column lasts_minutes int not null default 60;
alter table course_lessons add column call_id uuid;
alter table course_lessons add column held_at timestamptz;
create index course_lessons_by_start on course_lessons (starts_at) where kind = 'live';
create index course_lessons_by_holding on course_lessons (held_at) where kind = 'live';
"""


def upgrade() -> None:
    op.execute(SQL)
