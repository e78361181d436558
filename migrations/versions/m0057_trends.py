"""Trends: how much a hashtag is used lately, by whom, and what operators say to it."""

from alembic import op

revision = "0057"
down_revision = "0056"

OWNER = "trends"

SQL = """
create table trends_hashtags (
    tag             text primary key,
    score           double precision not null,
    verdict         text check (verdict in ('hidden', 'allowed')),
    reviewed_at     timestamptz
);
create index trends_hashtags_by_score on trends_hashtags (score desc, tag) where verdict is distinct from 'hidden';
create index trends_hashtags_reviewed on trends_hashtags (verdict, score desc, tag);

create table trends_uses (
    tag             text not null,
    person_id       uuid not null references users on delete cascade,
    times           integer not null default 1,
    last_at         timestamptz not null,
    primary key (tag, person_id)
);
comment on column trends_uses.times is 'days on which the person used it; last_at: when it counted last';
create index trends_uses_by_time on trends_uses (tag, last_at desc, person_id);
create index trends_uses_by_person on trends_uses (person_id, tag);
create index trends_uses_by_age on trends_uses (last_at);
"""


def upgrade() -> None:
    op.execute(SQL)
