"""Models: their versions with measures, and which of them is in use."""

from alembic import op

revision = "0078"
down_revision = "0077"

OWNER = "models"

SQL = """
create table model_versions (
    name            text not null,
    version         text not null,
    measures        jsonb not null,
    object_key      text not null,
    sha256          bytea not null,
    bytes           bigint not null,
    created_at      timestamptz not null,
    primary key (name, version)
);
comment on column model_versions.object_key is 'where the content lies, which has this sha256';

create table model_choices (
    name            text primary key,
    version         text not null,
    previous        text,
    chosen_at       timestamptz not null
);
comment on column model_choices.previous is 'the version that was in use before';
"""


def upgrade() -> None:
    op.execute(SQL)
