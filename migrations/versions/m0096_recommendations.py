"""Recommendations: what people have done with what, what trends of it, and what they said to what they were shown."""

from alembic import op

revision = "0096"
down_revision = "0095"

OWNER = "recommendations"

SQL = """
create table recommendation_acts (
    person_id       uuid not null references users on delete cascade,
    kind            text not null check (kind in ('streams', 'videos', 'people', 'posts')),
    item_id         uuid not null,
    owner_id        uuid not null references users on delete cascade,
    weight          real not null,
    at              timestamptz not null,
    primary key (person_id, kind, item_id)
);
comment on table recommendation_acts is 'one row for a person and a thing; a person owns itself';
create index recommendation_acts_by_time on recommendation_acts (kind, at desc);
create index recommendation_acts_by_item on recommendation_acts (kind, item_id, at desc);
create index recommendation_acts_of_person on recommendation_acts (person_id, at desc);
create index recommendation_acts_by_owner on recommendation_acts (owner_id);

create table recommendation_feedback (
    person_id       uuid not null references users on delete cascade,
    item_id         uuid not null,
    kind            text not null check (kind in ('streams', 'videos', 'people', 'posts')),
    owner_id        uuid not null references users on delete cascade,
    verdict         text not null check (verdict in ('more', 'less', 'hide')),
    at              timestamptz not null,
    primary key (person_id, item_id)
);
create index recommendation_feedback_of_person on recommendation_feedback (person_id, at desc);
create index recommendation_feedback_by_owner on recommendation_feedback (owner_id);

create table trending_items (
    kind            text not null,
    item_id         uuid not null,
    score           double precision not null,
    people          integer not null,
    language        text not null default '',
    category        text not null default '',
    computed_at     timestamptz not null,
    primary key (kind, item_id)
);
create index trending_items_by_score on trending_items (kind, score desc, item_id);

create table trending_hidden (
    kind            text not null,
    item_id         uuid not null,
    hidden_at       timestamptz not null,
    primary key (kind, item_id)
);
create index view_sessions_by_end on view_sessions (last_at) where user_id is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
