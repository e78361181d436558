"""What moderators of communities pin, and which entries of the audit log are about a community."""

from alembic import op

revision = "0076"
down_revision = "0075"

OWNER = "communities"

SQL = """
create table community_pins (
    community_id    uuid not null references communities on delete cascade,
    post_id         uuid not null references posts on delete cascade,
    pinned_at       timestamptz not null,
    primary key (community_id, post_id)
);
create index community_pins_by_post on community_pins (post_id);

create table community_acts (
    community_id    uuid not null references communities on delete cascade,
    entry_id        uuid not null references audit_log,
    primary key (community_id, entry_id)
);
create index community_acts_by_entry on community_acts (entry_id);
"""


def upgrade() -> None:
    op.execute(SQL)
