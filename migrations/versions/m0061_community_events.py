"""Events of communities: when and where, in whose time zone, and who goes.

``ends_at`` is null where nobody said; ``over_at`` is when an event is over at the latest. ``going`` and ``maybe`` count
``community_event_answers``. ``revision`` counts the changes that a calendar must take over (RFC 5545, SEQUENCE).
"""

from alembic import op

revision = "0061"
down_revision = "0060"

OWNER = "communities"

SQL = """
create table community_events (
    id              uuid primary key,
    community_id    uuid not null references communities on delete cascade,
    author_id       uuid references users on delete set null,
    title           text not null,
    description     text not null default '',
    place           text not null default '',
    time_zone       text not null,
    starts_at       timestamptz not null,
    ends_at         timestamptz,
    over_at         timestamptz not null,
    places          integer,
    going           integer not null default 0,
    maybe           integer not null default 0,
    revision        integer not null default 0,
    created_at      timestamptz not null,
    changed_at      timestamptz not null
);
create index community_events_by_start on community_events (community_id, starts_at, id);
create index community_events_by_author on community_events (author_id);

create table community_event_answers (
    event_id        uuid not null references community_events on delete cascade,
    person_id       uuid not null references users on delete cascade,
    state           text not null check (state in ('going', 'maybe', 'no')),
    answered_at     timestamptz not null,
    primary key (event_id, person_id)
);
create index community_event_answers_by_time on community_event_answers (event_id, state, answered_at, person_id);
create index community_event_answers_by_person on community_event_answers (person_id);
"""


def upgrade() -> None:
    op.execute(SQL)
