"""What is attached to messages of private rooms.

A row is there before its message, which has the same ``room_id``, ``person_id`` and ``client_id``; ``message_id`` is
set once the message is known to be written. ``shown`` is the attachment as clients see it.
"""

from alembic import op

revision = "0064"
down_revision = "0063"

OWNER = "conversations"

SQL = """
create table chat_attachments (
    upload_id       uuid primary key,
    room_id         uuid not null,
    person_id       uuid not null references users on delete cascade,
    client_id       text not null,
    position        smallint not null,
    shown           jsonb not null,
    message_id      uuid,
    claimed_at      timestamptz not null default now()
);
create index chat_attachments_of_message on chat_attachments (room_id, person_id, client_id);
create index chat_attachments_by_person on chat_attachments (person_id, upload_id);
create index chat_attachments_waiting on chat_attachments (claimed_at) where message_id is null;
"""


def upgrade() -> None:
    op.execute(SQL)
