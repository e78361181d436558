"""API tokens: what programs of a person sign in with, within scopes.

``changed_at`` moves with the token, and with what it says of its person, so that nodes read what is new.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

OWNER = "api_tokens"

SQL = """
create table api_tokens (
    id              uuid primary key,
    user_id         uuid not null references users on delete cascade,
    token_hash      bytea not null unique,
    name            text not null,
    scopes          text[] not null,
    created_at      timestamptz not null default now(),
    changed_at      timestamptz not null default clock_timestamp(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz
);
create index api_tokens_by_user on api_tokens (user_id, created_at desc);
create index api_tokens_by_change on api_tokens (changed_at);

create function note_change_of_api_tokens() returns trigger language plpgsql as $$
begin
    update api_tokens set changed_at = clock_timestamp() where user_id = new.id and revoked_at is null;
    return null;
end $$;

create trigger note_change_of_api_tokens
after update of username, display_name, roles, suspended_until, deleted_at on users
for each row execute function note_change_of_api_tokens();
"""


def upgrade() -> None:
    op.execute(SQL)
