"""Words that a person does not want to see, and mutes that end by themselves."""

from alembic import op

revision = "0048"
down_revision = "0047"

OWNER = "hidden_words"

SQL = """
create table hidden_words (
    person_id       uuid not null references users on delete cascade,
    text            text not null,
    expires_at      timestamptz,
    created_at      timestamptz not null default now(),
    primary key (person_id, text)
);
alter table mutes add column expires_at timestamptz;
create index mutes_expiring on mutes (expires_at) where expires_at is not null;
"""


def upgrade() -> None:
    op.execute(SQL)
