"""Predictions, and what people have staked on them."""

from alembic import op

revision = "0030"
down_revision = "0029"

OWNER = "predictions"

SQL = """
create table predictions (
    id              uuid primary key,
    room_id         uuid not null references chat_rooms on delete cascade,
    author_id       uuid references users on delete set null,
    client_id       text,
    question        text not null,
    outcomes        text[] not null check (cardinality(outcomes) between 2 and 10),
    opened_at       timestamptz not null,
    closes_at       timestamptz not null,
    locked_at       timestamptz,
    ended_at        timestamptz,
    -- Null when it has ended: it was cancelled.
    winner          smallint,
    media_time_ms   bigint,
    unique (room_id, author_id, client_id)
);
create index predictions_by_room on predictions (room_id, id);
create index predictions_open on predictions (room_id) where ended_at is null;
create index predictions_by_author on predictions (author_id, id);

-- Without a person: the account was deleted, and the points stay in the pot.
create table prediction_entries (
    id              uuid primary key,
    prediction_id   uuid not null references predictions on delete cascade,
    person_id       uuid references users on delete set null,
    outcome         smallint not null,
    points          bigint not null check (points > 0),
    paid            bigint check (paid >= 0),
    unique (prediction_id, person_id)
);
create index prediction_entries_by_person on prediction_entries (person_id, id);

create table prediction_stakes (
    prediction_id   uuid not null references predictions on delete cascade,
    person_id       uuid not null references users on delete cascade,
    client_id       text not null,
    points          bigint not null,
    primary key (prediction_id, person_id, client_id)
);
create index prediction_stakes_by_person on prediction_stakes (person_id);
"""


def upgrade() -> None:
    op.execute(SQL)
