"""Polls and their votes."""

from alembic import op

revision = "0028"
down_revision = "0027"

OWNER = "polls"

SQL = """
create table polls (
    id              uuid primary key,
    room_id         uuid not null references chat_rooms on delete cascade,
    author_id       uuid references users on delete set null,
    client_id       text,
    question        text not null,
    options         text[] not null check (cardinality(options) between 2 and 10),
    opened_at       timestamptz not null,
    closes_at       timestamptz not null,
    closed_at       timestamptz,
    media_time_ms   bigint,
    -- By option: votes of accounts that were deleted.
    former_votes    bigint[] not null check (cardinality(former_votes) = cardinality(options)),
    unique (room_id, author_id, client_id)
);
create index polls_by_room on polls (room_id, id);
create index polls_open on polls (room_id) where closed_at is null;
create index polls_by_author on polls (author_id, id);

create table poll_votes (
    poll_id         uuid not null references polls on delete cascade,
    person_id       uuid not null references users on delete cascade,
    option          smallint not null,
    voted_at        timestamptz not null,
    primary key (poll_id, person_id) include (option, voted_at)
);
create index poll_votes_by_person on poll_votes (person_id, poll_id);
"""


def upgrade() -> None:
    op.execute(SQL)
