"""Clips: some seconds of a stream, as a file of their own that outlives the stream.

``visibility`` is the stream's while there is no stream any more. The objects of a clip go with its row, however that
goes.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

OWNER = "clips"

SQL = """
create table clips (
    id              uuid primary key,
    stream_id       uuid not null,
    room_id         uuid not null,
    owner_id        uuid not null references users on delete cascade,
    creator_id      uuid not null references users on delete cascade,
    title           text not null,
    visibility      text not null check (visibility in ('public', 'unlisted', 'private')),
    from_ms         bigint not null,
    to_ms           bigint not null,
    file            jsonb not null,
    has_thumbnail   boolean not null,
    created_at      timestamptz not null default now()
);
create index clips_by_stream on clips (stream_id, id);
create index clips_by_owner on clips (owner_id, id);
create index clips_by_creator on clips (creator_id, id);

create table clip_messages (
    clip_id         uuid not null references clips on delete cascade,
    "offset"        bigint not null,
    id              uuid not null,
    user_id         uuid not null references users on delete cascade,
    text            text not null,
    sent_at         timestamptz not null,
    media_time_ms   bigint not null,
    reply_to        uuid,
    primary key (clip_id, "offset")
);
create index clip_messages_by_user on clip_messages (user_id, clip_id);

create table clip_settings (
    user_id         uuid primary key references users on delete cascade,
    others_may_clip boolean not null
);

create function clips_doom_objects() returns trigger language plpgsql as $$
begin
    insert into doomed_objects (prefix) values ('clips/' || old.id || '/') on conflict do nothing;
    return null;
end $$;
create trigger clips_doom_objects after delete on clips for each row execute function clips_doom_objects();

create function streams_leave_clips() returns trigger language plpgsql as $$
begin
    update clips set visibility = old.visibility where stream_id = old.id;
    return old;
end $$;
create trigger streams_leave_clips before delete on streams for each row execute function streams_leave_clips();
"""


def upgrade() -> None:
    op.execute(SQL)
