"""Experiments: shares of their arms, and who has met which."""

from alembic import op

revision = "0079"
down_revision = "0078"

OWNER = "experiments"

SQL = """
create table experiments (
    name            text primary key,
    arms            text[] not null,
    shares          double precision[] not null,
    description     text not null,
    is_on           boolean not null,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);

create table experiment_exposures (
    name            text not null references experiments on delete cascade,
    person_id       uuid not null references users on delete cascade,
    arm             text not null,
    exposed_at      timestamptz not null,
    primary key (name, person_id)
);
create index experiment_exposures_by_person on experiment_exposures (person_id, name);
create index view_sessions_by_person on view_sessions (user_id, last_at desc) where user_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
