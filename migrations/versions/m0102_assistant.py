"""The assistant: what a person asks on a day."""

from alembic import op

revision = "0102"
down_revision = "0101"

OWNER = "assistant"

SQL = """
create table assistant_days (
    person_id       uuid not null references users on delete cascade,
    day             date not null,
    questions       integer not null,
    tokens          bigint not null,
    primary key (person_id, day)
);
create index assistant_days_by_day on assistant_days (day);
"""


def upgrade() -> None:
    op.execute(SQL)
