"""How long each person watched each video on a day, until the month is shared."""

from alembic import op

revision = "0120"
down_revision = "0119"

OWNER = "library"

SQL = """
create table video_watchers (
    video_id        uuid not null references videos on delete cascade,
    person_id       uuid not null references users on delete cascade,
    day             date not null,
    watched_ms      bigint not null,
    primary key (video_id, person_id, day)
);
create index video_watchers_by_person on video_watchers (person_id);
create index video_watchers_by_day on video_watchers (day);
"""


def upgrade() -> None:
    op.execute(SQL)
