"""Tips: what a payment to a streamer is shown with."""

from alembic import op

revision = "0070"
down_revision = "0069"

OWNER = "tips"

SQL = """
create table tips (
    id              uuid primary key,
    payment_id      uuid unique,
    stream_id       uuid references streams on delete set null,
    room_id         uuid,
    person_id       uuid not null references users on delete cascade,
    owner_id        uuid not null references users on delete cascade,
    amount          bigint not null,
    currency        text not null,
    message         text not null,
    state           text not null default 'pending'
        check (state in ('pending', 'succeeded', 'failed', 'refunded')),
    is_test         boolean not null,
    created_at      timestamptz not null,
    paid_at         timestamptz
);
create index tips_by_person on tips (person_id, id);
create index tips_by_owner on tips (owner_id, id) where state = 'succeeded';
create index tips_by_stream on tips (stream_id, id) where state = 'succeeded';
"""


def upgrade() -> None:
    op.execute(SQL)
