"""VIPs of rooms, rooms that are cleared, announcements."""

from alembic import op

revision = "0023"
down_revision = "0022"

OWNER = "streams"

SQL = """
create table chat_vips (
    room_id         uuid not null references chat_rooms on delete cascade,
    user_id         uuid not null references users on delete cascade,
    primary key (room_id, user_id)
);
create index chat_vips_by_user on chat_vips (user_id, room_id);

-- Every message up to this offset is deleted.
alter table chat_rooms add column cleared_to bigint not null default 0;
alter table chat_messages add column is_announcement boolean not null default false;
"""


def upgrade() -> None:
    op.execute(SQL)
