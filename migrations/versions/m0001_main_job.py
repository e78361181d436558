"""The main job: people, sessions, live streams with their recordings, rooms with their log, views.

Conventions: ``id`` is a UUIDv7 made by the application; ``…_at`` is ``timestamptz``; ``…_key`` beside a name is its
folded form for look-ups; a write on an actor's behalf is checked against ``shards.epoch``.
"""

from alembic import op

revision = "0001"
down_revision = None

SQL = """
create table cluster (
    only_row        boolean primary key default true check (only_row),
    id              uuid not null,
    created_at      timestamptz not null default now()
);

-- The head of the oldest program that may work with this schema, for programs that are older than the schema.
create table schema_floor (
    only_row        boolean primary key default true check (only_row),
    revision        text not null
);
insert into schema_floor (revision) values ('0001');

-- Who may write: every actor lies in one shard; each take-over of a shard raises its epoch; a write that carries
-- an older epoch is refused.
create table shards (
    shard           smallint primary key,
    epoch           bigint not null default 0,
    node            text not null default '',
    taken_at        timestamptz not null default now()
);
insert into shards (shard) select generate_series(0, 255);

create table signing_keys (
    kid             text primary key,
    algorithm       text not null,
    secret          bytea not null,
    created_at      timestamptz not null default now(),
    retired_at      timestamptz
);

create table users (
    id              uuid primary key,
    username        text not null,
    username_key    text not null unique,
    email           text not null,
    email_key       text not null unique,
    email_verified_at timestamptz,
    password_hash   text not null,
    display_name    text not null,
    bio             text not null default '',
    avatar_url      text,
    roles           text[] not null default '{viewer,creator}',
    stream_key      text not null unique,
    stream_defaults jsonb not null default '{}',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    suspended_at    timestamptz,
    deleted_at      timestamptz
);

create table auth_sessions (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    user_agent      text not null default '',
    ip              text not null default '',
    created_at      timestamptz not null default now(),
    last_seen_at    timestamptz not null default now(),
    expires_at      timestamptz not null,
    revoked_at      timestamptz,
    revoked_reason  text
);
create index auth_sessions_by_user on auth_sessions (user_id, created_at desc);
create index auth_sessions_revoked on auth_sessions (revoked_at) where revoked_at is not null;

-- One row for each refresh token of a family (= session); a used one presented again ends the family.
create table refresh_tokens (
    token_hash      bytea primary key,
    session_id      uuid not null references auth_sessions on delete cascade,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null,
    used_at         timestamptz
);
create index refresh_tokens_by_session on refresh_tokens (session_id);

create table follows (
    follower_id     uuid not null references users on delete cascade,
    followee_id     uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (follower_id, followee_id)
);
create index follows_by_followee on follows (followee_id, created_at desc, follower_id);
create index follows_by_follower on follows (follower_id, created_at desc, followee_id);

create table blocks (
    user_id         uuid not null references users on delete cascade,
    blocked_id      uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (user_id, blocked_id)
);
create table mutes (
    user_id         uuid not null references users on delete cascade,
    muted_id        uuid not null references users on delete cascade,
    created_at      timestamptz not null default now(),
    primary key (user_id, muted_id)
);

create table idempotency_keys (
    user_id         uuid not null references users on delete cascade,
    key             text not null,
    operation       text not null,
    body_hash       bytea not null,
    status          integer,
    answer          jsonb,
    created_at      timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

create table streams (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    room_id         uuid not null unique,
    title           text not null,
    description     text not null default '',
    category        text not null default '',
    tags            text[] not null default '{}',
    language        text not null default '',
    visibility      text not null default 'public' check (visibility in ('public', 'unlisted', 'private')),
    latency         text not null default 'low' check (latency in ('realtime', 'low', 'normal')),
    is_recorded     boolean not null default true,
    state           text not null default 'scheduled' check (state in ('scheduled', 'live', 'interrupted', 'ended')),
    stream_key      text not null unique,
    created_at      timestamptz not null default now(),
    scheduled_at    timestamptz,
    started_at      timestamptz,
    interrupted_at  timestamptz,
    ended_at        timestamptz,
    publication     integer not null default 0,
    media_time_ms   bigint not null default 0,
    next_segment    bigint not null default 0,
    tracks          jsonb not null default '[]',
    media_node      text not null default '',
    is_lasting      boolean not null default false,
    peak_viewers    integer not null default 0,
    unique_viewers  integer not null default 0,
    watched_ms      bigint not null default 0
);
create index streams_by_owner on streams (owner_id, created_at desc, id);
create index streams_by_state on streams (state, (coalesce(started_at, scheduled_at, created_at)) desc, id desc);
create index streams_open on streams (owner_id) where state <> 'ended';

-- The recording: the segments that were already made for live playback, one row for each rendition and number.
create table stream_segments (
    stream_id       uuid not null references streams on delete cascade,
    rendition       text not null,
    segment         bigint not null,
    publication     integer not null,
    epoch           bigint not null,
    object_key      text not null,
    init_key        text not null,
    init_name       text not null,
    media_time_ms   bigint not null,
    duration_ms     double precision not null,
    bytes           integer not null,
    started_at      timestamptz not null,
    is_discontinuity boolean not null default false,
    primary key (stream_id, rendition, segment)
);
-- What a player must know of a rendition's initialisation segment: codecs, size, rates.
create table stream_inits (
    stream_id       uuid not null references streams on delete cascade,
    rendition       text not null,
    name            text not null,
    object_key      text not null,
    info            jsonb not null,
    primary key (stream_id, rendition, name)
);

create table chat_rooms (
    id              uuid primary key,
    stream_id       uuid references streams on delete cascade,
    owner_id        uuid not null references users on delete cascade,
    log_epoch       text not null,
    last_offset     bigint not null default 0,
    mode            jsonb not null default '{}',
    pinned_id       uuid,
    created_at      timestamptz not null default now()
);

create table chat_messages (
    room_id         uuid not null,
    "offset"        bigint not null,
    id              uuid not null,
    user_id         uuid not null,
    client_id       text not null,
    text            text not null,
    reply_to        uuid,
    sent_at         timestamptz not null,
    media_time_ms   bigint,
    deleted_at      timestamptz,
    deleted_by      uuid,
    primary key (room_id, "offset"),
    unique (user_id, room_id, client_id)
);
-- The log has no foreign keys: its statement locks the rooms and looks the people up for all rows at once, and a check
-- for each row on top would cost it half of its speed. A room takes its messages along; a message whose author's row
-- has gone keeps its place and reads as deleted.
create function chat_rooms_drop_messages() returns trigger language plpgsql as $$
begin
    delete from chat_messages where room_id = old.id;
    return null;
end $$;
create trigger chat_rooms_drop_messages after delete on chat_rooms
    for each row execute function chat_rooms_drop_messages();
create index chat_messages_by_id on chat_messages (id);
create index chat_messages_by_media_time on chat_messages (room_id, media_time_ms) where media_time_ms is not null;

create table chat_moderators (
    room_id         uuid not null references chat_rooms on delete cascade,
    user_id         uuid not null references users on delete cascade,
    primary key (room_id, user_id)
);

create table chat_sanctions (
    room_id         uuid not null references chat_rooms on delete cascade,
    user_id         uuid not null references users on delete cascade,
    until           timestamptz,
    reason          text not null default '',
    by_id           uuid not null,
    created_at      timestamptz not null default now(),
    primary key (room_id, user_id)
);

-- One row for each time somebody watched; watched_ms grows in batches.
create table view_sessions (
    id              uuid primary key,
    stream_id       uuid not null references streams on delete cascade,
    user_id         uuid references users on delete set null,
    viewer          text not null,
    started_at      timestamptz not null,
    last_at         timestamptz not null,
    watched_ms      bigint not null default 0,
    stalled_ms      bigint not null default 0,
    transport       text not null default ''
);
create index view_sessions_by_stream on view_sessions (stream_id, started_at);
create index view_sessions_by_viewer on view_sessions (stream_id, viewer);

create table audit_log (
    id              uuid primary key,
    at              timestamptz not null default now(),
    actor_id        uuid,
    action          text not null,
    subject         text not null default '',
    detail          jsonb not null default '{}'
);
create index audit_log_by_actor on audit_log (actor_id, at desc);
"""


def upgrade() -> None:
    op.execute(SQL)
