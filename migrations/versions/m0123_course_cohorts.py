"""Cohorts: those who learn a course together, in a room of their own."""

from alembic import op

revision = "0123"
down_revision = "0122"

OWNER = "courses"

SQL = """
-- The room of a cohort has its id.
create table course_cohorts (
    id              uuid primary key references chat_rooms on delete cascade,
    course_id       uuid not null references courses on delete cascade,
    title           text not null,
    starts_at       timestamptz not null,
    seats           int not null check (seats > 0),
    created_at      timestamptz not null
);
create index course_cohorts_by_course on course_cohorts (course_id, starts_at, id);

-- It counts while the person is enrolled.
alter table course_enrolments add column cohort_id uuid references course_cohorts on delete set null;
create index course_enrolments_by_cohort on course_enrolments (cohort_id, id) where cohort_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
