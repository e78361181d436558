"""Videos: what was uploaded to be shown, and the recordings of streams, which are videos under the stream's id.

``edition`` is the set of renditions that is played; one that is made meanwhile has a larger number.
"""

from alembic import op

revision = "0063"
down_revision = "0062"

OWNER = "library"

SQL = """
create table videos (
    id              uuid primary key,
    owner_id        uuid not null references users on delete cascade,
    stream_id       uuid unique references streams on delete cascade check (stream_id = id),
    upload_id       uuid unique,
    title           text not null default '',
    description     text not null default '',
    visibility      text not null default 'public'
                    check (visibility in ('public', 'unlisted', 'followers', 'private')),
    restrictions    jsonb,
    state           text not null check (state in ('processing', 'ready', 'failed')),
    reason          text not null default '',
    progress        real not null default 0,
    edition         int not null default 0,
    source          jsonb,
    duration_ms     bigint not null default 0,
    has_poster      boolean not null default false,
    views           bigint not null default 0,
    created_at      timestamptz not null,
    ready_at        timestamptz
);
create index videos_by_owner on videos (owner_id, id desc);

create table video_renditions (
    video_id        uuid not null references videos on delete cascade,
    edition         int not null,
    name            text not null,
    place           int not null,
    kind            text not null check (kind in ('video', 'audio')),
    codec           text not null,
    timescale       int not null,
    width           int not null,
    height          int not null,
    fps             real not null,
    channels        int not null,
    init_key        text not null,
    is_whole        boolean not null default false,
    peak_rate       bigint not null default 0,
    average_rate    bigint not null default 0,
    primary key (video_id, edition, name)
);

create table video_segments (
    video_id        uuid not null references videos on delete cascade,
    edition         int not null,
    rendition       text not null,
    number          int not null,
    object_key      text not null,
    start           bigint not null,
    duration        bigint not null,
    bytes           int not null,
    key_bytes       int not null,
    primary key (video_id, edition, rendition, number)
);

insert into videos (id, owner_id, stream_id, state, progress, duration_ms, created_at, ready_at)
select s.id, s.owner_id, s.id, 'ready', 1, s.media_time_ms, s.created_at, s.ended_at from streams s
where s.state = 'ended' and exists (select from stream_segments g where g.stream_id = s.id);
"""


def upgrade() -> None:
    op.execute(SQL)
