"""Captions of streams as cues, by language."""

from alembic import op

revision = "0040"
down_revision = "0039"

OWNER = "captions"

SQL = """
create table stream_caption_languages (
    stream_id       uuid not null references streams on delete cascade,
    language        text not null,
    cues            integer not null default 0,
    primary key (stream_id, language)
);
create table stream_cues (
    stream_id       uuid not null,
    language        text not null,
    id              bigint generated always as identity,
    from_ms         bigint not null check (from_ms >= 0),
    to_ms           bigint not null check (to_ms > from_ms),
    text            text not null,
    primary key (stream_id, language, from_ms, id),
    foreign key (stream_id, language) references stream_caption_languages on delete cascade
);
"""


def upgrade() -> None:
    op.execute(SQL)
