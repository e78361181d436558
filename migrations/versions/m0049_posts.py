"""Posts: threads, quotes, reposts, reactions, polls, bookmarks, drafts, edits, previews of links."""

from alembic import op

revision = "0049"
down_revision = "0048"

OWNER = "posts"

SQL = """
create table posts (
    id              uuid primary key,
    author_id       uuid references users on delete cascade,
    text            text not null default '',
    reply_to        uuid,
    root_id         uuid,
    quote_of        uuid,
    repost_of       uuid,
    community_id    uuid,
    stream_id       uuid,
    visibility      text not null check (visibility in ('public', 'followers', 'mentioned', 'community')),
    content_warning text,
    language        text,
    link            text,
    has_media       boolean not null default false,
    state           text not null check (state in ('scheduled', 'published', 'deleted')),
    published_at    timestamptz,
    publish_at      timestamptz,
    created_at      timestamptz not null,
    edited_at       timestamptz,
    deleted_at      timestamptz,
    replies         integer not null default 0,
    reposts         integer not null default 0,
    quotes          integer not null default 0,
    edits           integer not null default 0,
    reactions       jsonb not null default '{}',
    check (author_id is not null or state = 'deleted')
);
comment on column posts.author_id is 'null: the account is gone, and the post keeps its place for those who replied';
create index posts_by_author on posts (author_id, id);
create index posts_of_author on posts (author_id, published_at desc, id desc)
    where state = 'published' and reply_to is null;
create index posts_replies_of_author on posts (author_id, published_at desc, id desc)
    where state = 'published' and reply_to is not null;
create index posts_media_of_author on posts (author_id, published_at desc, id desc)
    where state = 'published' and has_media;
create index posts_by_time_of_author on posts (author_id, published_at desc, id desc) where state = 'published';
create index posts_by_root on posts (root_id, published_at desc, id desc) where state = 'published';
create index posts_by_parent on posts (reply_to, published_at, id) where state <> 'scheduled';
create unique index posts_by_repost on posts (repost_of, author_id) where state = 'published';
create index posts_by_quote on posts (quote_of, published_at desc, id desc) where state = 'published';
create index posts_by_community on posts (community_id, published_at desc, id desc) where state = 'published';
create unique index posts_by_stream on posts (stream_id);
create index posts_scheduled on posts (author_id, publish_at, id) where state = 'scheduled';
create index posts_deleted on posts (deleted_at) where state = 'deleted';

create table post_media (
    post_id         uuid not null references posts on delete cascade,
    position        smallint not null,
    id              uuid not null,
    kind            text not null,
    url             text not null,
    preview_url     text,
    width           integer,
    height          integer,
    alt             text not null default '',
    primary key (post_id, position)
);

create table post_mentions (
    post_id         uuid not null references posts on delete cascade,
    person_id       uuid not null references users on delete cascade,
    is_named        boolean not null,
    primary key (post_id, person_id)
);
comment on column post_mentions.is_named is 'false: the author of what it replies to, whom the text does not name';
create index post_mentions_by_person on post_mentions (person_id, post_id);

create table post_hashtags (
    tag             text not null,
    post_id         uuid not null references posts on delete cascade,
    published_at    timestamptz not null,
    author_id       uuid not null references users on delete cascade,
    primary key (post_id, tag)
);
create index post_hashtags_by_tag on post_hashtags (tag, published_at desc, post_id desc);
create index post_hashtags_by_author on post_hashtags (author_id);

create table post_reactions (
    post_id         uuid not null references posts on delete cascade,
    person_id       uuid not null references users on delete cascade,
    emoji           text not null,
    created_at      timestamptz not null,
    primary key (post_id, person_id, emoji)
);
create index post_reactions_by_person on post_reactions (person_id, post_id, emoji);

create table post_polls (
    post_id         uuid primary key references posts on delete cascade,
    options         text[] not null,
    counts          integer[] not null,
    voters          integer not null default 0,
    is_multiple     boolean not null,
    seconds         integer not null,
    ends_at         timestamptz
);
comment on column post_polls.ends_at is 'null until the post is published';

create table post_votes (
    post_id         uuid not null references post_polls on delete cascade,
    person_id       uuid not null references users on delete cascade,
    options         smallint[] not null,
    voted_at        timestamptz not null,
    primary key (post_id, person_id)
);
create index post_votes_by_person on post_votes (person_id, post_id);

create table post_edits (
    post_id         uuid not null references posts on delete cascade,
    version         integer not null,
    text            text not null,
    content_warning text,
    language        text,
    written_at      timestamptz not null,
    primary key (post_id, version)
);

create table bookmark_folders (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    name            text not null,
    name_key        text not null,
    created_at      timestamptz not null,
    unique (person_id, name_key)
);

create table bookmarks (
    person_id       uuid not null references users on delete cascade,
    post_id         uuid not null references posts on delete cascade,
    folder_id       uuid references bookmark_folders on delete set null,
    created_at      timestamptz not null,
    primary key (person_id, post_id)
);
create index bookmarks_by_time on bookmarks (person_id, created_at desc, post_id desc);
create index bookmarks_by_folder on bookmarks (folder_id, created_at desc, post_id desc);
create index bookmarks_by_post on bookmarks (post_id);

create table post_drafts (
    id              uuid primary key,
    author_id       uuid not null references users on delete cascade,
    body            jsonb not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);
create index post_drafts_by_author on post_drafts (author_id, id);

create table pinned_posts (
    author_id       uuid primary key references users on delete cascade,
    post_id         uuid not null references posts on delete cascade
);
create index pinned_posts_by_post on pinned_posts (post_id);

create table link_previews (
    url             text primary key,
    title           text not null default '',
    description     text not null default '',
    site_name       text not null default '',
    image_url       text,
    is_ready        boolean not null default false,
    fetched_at      timestamptz not null
);
create index link_previews_by_age on link_previews (fetched_at);
"""


def upgrade() -> None:
    op.execute(SQL)
