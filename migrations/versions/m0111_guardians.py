"""Guardians of minors, and what they have decided."""

from alembic import op

revision = "0111"
down_revision = "0110"

OWNER = "wellbeing"

SQL = """
-- An invitation of the guardian until accepted_at. adult_on: when the minor is 18, by the birth date of that moment.
create table wellbeing_guardians (
    guardian_id     uuid not null references users on delete cascade,
    minor_id        uuid not null references users on delete cascade,
    daily_minutes   integer check (daily_minutes between 1 and 1440),
    break_minutes   integer check (break_minutes between 5 and 240),
    quiet_start     text,
    quiet_end       text,
    time_zone       text not null,
    created_at      timestamptz not null,
    accepted_at     timestamptz,
    adult_on        date,
    primary key (guardian_id, minor_id),
    check (guardian_id <> minor_id and (accepted_at is null) = (adult_on is null)),
    check ((quiet_start is null) = (quiet_end is null))
);
create unique index wellbeing_guardians_one on wellbeing_guardians (minor_id) where accepted_at is not null;
create index wellbeing_guardians_by_minor on wellbeing_guardians (minor_id);
"""


def upgrade() -> None:
    op.execute(SQL)
