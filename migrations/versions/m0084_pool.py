"""The pool that is shared by watched time, and splits of what a stream earns."""

from alembic import op

revision = "0084"
down_revision = "0083"

OWNER = "pool"

SQL = """
create table pool_months (
    month           date not null,
    currency        text not null,
    income          bigint not null,
    percent         integer not null,
    amount          bigint not null,
    seconds         bigint not null,
    settled_at      timestamptz not null,
    primary key (month, currency)
);

-- One for each who has a part of a stream. amount: of the stream; part: of the person.
create table pool_statements (
    id              uuid primary key,
    month           date not null,
    currency        text not null,
    stream_id       uuid references streams on delete set null,
    title           text not null,
    owner_id        uuid references users on delete set null,
    person_id       uuid not null references users on delete cascade,
    seconds         bigint not null,
    amount          bigint not null,
    percent         integer not null,
    part            bigint not null,
    foreign key (month, currency) references pool_months (month, currency)
);
create index pool_statements_by_person on pool_statements (person_id, id);
create index pool_statements_by_owner on pool_statements (owner_id) where owner_id is not null;
create index pool_statements_by_stream on pool_statements (stream_id) where stream_id is not null;

create table splits (
    id              uuid primary key,
    stream_id       uuid not null references streams on delete cascade,
    owner_id        uuid not null references users on delete cascade,
    match_id        uuid unique,
    state           text not null default 'proposed' check (state in ('proposed', 'agreed', 'declined', 'replaced')),
    created_at      timestamptz not null
);
create index splits_by_stream on splits (stream_id);
create index splits_by_owner on splits (owner_id);
create unique index splits_agreed on splits (stream_id) where state = 'agreed';
create table split_parts (
    split_id        uuid not null references splits on delete cascade,
    person_id       uuid not null references users on delete cascade,
    percent         integer not null check (percent between 1 and 100),
    agreed_at       timestamptz,
    primary key (split_id, person_id)
);
create index split_parts_by_person on split_parts (person_id, split_id);
create index view_sessions_by_time on view_sessions (started_at) where user_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
