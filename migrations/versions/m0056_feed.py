"""Feeds: whose posts are looked up instead of pushed, followed hashtags, who answers whom, what is popular."""

from alembic import op

revision = "0056"
down_revision = "0055"

OWNER = "feed"

SQL = """
create table feed_pulled (
    author_id       uuid primary key references users on delete cascade,
    since           timestamptz not null default now()
);

create table feed_hashtags (
    person_id       uuid not null references users on delete cascade,
    tag             text not null,
    created_at      timestamptz not null default now(),
    primary key (person_id, tag)
);

-- Scores are logarithms of sums that decay from a fixed day on: their order stands without being computed anew.
create table feed_affinity (
    person_id       uuid not null references users on delete cascade,
    author_id       uuid not null references users on delete cascade,
    score           double precision not null,
    primary key (person_id, author_id)
);
create index feed_affinity_by_author on feed_affinity (author_id);
create index feed_affinity_by_score on feed_affinity (score);

create table feed_popular (
    post_id         uuid primary key references posts on delete cascade,
    score           double precision not null
);
create index posts_newest on posts (published_at desc, id desc)
    where state = 'published' and visibility = 'public' and reply_to is null and repost_of is null;
create index feed_popular_by_score on feed_popular (score desc, post_id desc);
"""


def upgrade() -> None:
    op.execute(SQL)
