"""Well-being: what people have decided about their time, and how much of it they spend."""

from alembic import op

revision = "0092"
down_revision = "0091"

OWNER = "wellbeing"

SQL = """
create table wellbeing_settings (
    person_id       uuid primary key references users on delete cascade,
    daily_minutes   integer check (daily_minutes between 1 and 1440),
    break_minutes   integer check (break_minutes between 5 and 240)
);

-- seconds: that a page was looked at on this day of the person's; streak_s: the last ones, without a pause.
create table wellbeing_days (
    person_id       uuid not null references users on delete cascade,
    day             date not null,
    seconds         integer not null default 0 check (seconds between 0 and 90000),
    streak_s        integer not null default 0,
    last_at         timestamptz not null,
    primary key (person_id, day)
);
create index wellbeing_days_by_day on wellbeing_days (day);
"""


def upgrade() -> None:
    op.execute(SQL)
