"""Courses: lessons, who is enrolled, how far they are, and certificates."""

from alembic import op

revision = "0087"
down_revision = "0086"

OWNER = "courses"

SQL = """
-- The room of a course has its id.
create table courses (
    id              uuid primary key references chat_rooms on delete cascade,
    author_id       uuid not null references users on delete cascade,
    title           text not null,
    description     text not null,
    search          text not null,
    visibility      text not null check (visibility in ('public', 'draft')),
    amount          bigint not null check (amount >= 0),
    currency        text not null,
    created_at      timestamptz not null
);
create index courses_by_author on courses (author_id, id);
create index courses_public on courses (id) where visibility = 'public';

create table course_lessons (
    id              uuid primary key,
    course_id       uuid not null references courses on delete cascade,
    kind            text not null check (kind in ('video', 'text', 'quiz', 'live')),
    title           text not null,
    position        double precision not null,
    text            text not null,
    video_id        uuid,
    stream_id       uuid,
    questions       jsonb not null,
    pass_percent    int not null,
    requires        uuid[] not null,
    created_at      timestamptz not null
);
create index course_lessons_by_course on course_lessons (course_id, position, id);

create table course_enrolments (
    id              uuid primary key,
    course_id       uuid not null references courses on delete cascade,
    person_id       uuid not null references users on delete cascade,
    state           text not null check (state in ('pending', 'enrolled', 'left')),
    payment_id      uuid,
    since           timestamptz not null,
    unique (course_id, person_id)
);
create index course_enrolments_by_person on course_enrolments (person_id, id);

create table course_progress (
    lesson_id       uuid not null references course_lessons on delete cascade,
    person_id       uuid not null references users on delete cascade,
    percent         int not null check (percent between 0 and 100),
    answers         jsonb,
    changed_at      timestamptz not null,
    primary key (lesson_id, person_id)
);
create index course_progress_by_person on course_progress (person_id, lesson_id);

-- What they say stays when the course goes.
create table course_certificates (
    code            text primary key,
    course_id       uuid references courses on delete set null,
    person_id       uuid not null references users on delete cascade,
    title           text not null,
    name            text not null,
    issued_at       timestamptz not null,
    unique (course_id, person_id)
);
create index course_certificates_by_person on course_certificates (person_id, code);
"""


def upgrade() -> None:
    op.execute(SQL)
