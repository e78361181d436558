"""Streams for followers, and streams with a password."""

from alembic import op

revision = "0034"
down_revision = "0033"

OWNER = "streams"

SQL = """
alter table streams drop constraint streams_visibility_check;
alter table streams add constraint streams_visibility_check
    check (visibility in ('public', 'unlisted', 'followers', 'password', 'private'));
alter table clips drop constraint clips_visibility_check;
alter table clips add constraint clips_visibility_check
    check (visibility in ('public', 'unlisted', 'followers', 'password', 'private'));

create table stream_passwords (
    stream_id       uuid primary key references streams on delete cascade,
    hash            text not null
);
-- Who has given the password that there is now.
create table stream_grants (
    stream_id       uuid not null references streams on delete cascade,
    user_id         uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (stream_id, user_id)
);
create index stream_grants_by_user on stream_grants (user_id);

alter table rights_changes drop constraint rights_changes_kind_check;
alter table rights_changes add constraint rights_changes_kind_check
    check (kind in ('account', 'block', 'follow', 'stream', 'name'));
"""


def upgrade() -> None:
    op.execute(SQL)
