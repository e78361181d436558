"""Replies by the message that they answer, for threads."""

from alembic import op

revision = "0044"
down_revision = "0043"

OWNER = "streams"

SQL = "create index chat_messages_by_reply on chat_messages (room_id, reply_to) where reply_to is not null"


def upgrade() -> None:
    op.execute(SQL)
