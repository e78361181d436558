"""Channel points: what each person has with each owner of rooms."""

from alembic import op

revision = "0029"
down_revision = "0028"

OWNER = "points"

SQL = """
create table point_balances (
    owner_id        uuid not null references users on delete cascade,
    person_id       uuid not null references users on delete cascade,
    -- By watching; by acts that cost points or stake them; by refunds and what predictions pay.
    earned          bigint not null default 0 check (earned >= 0),
    taken           bigint not null default 0 check (taken >= 0),
    returned        bigint not null default 0 check (returned >= 0),
    points          bigint not null generated always as (earned - taken + returned) stored check (points >= 0),
    earned_minute   bigint not null default 0,
    primary key (owner_id, person_id)
);
create index point_balances_by_person on point_balances (person_id, owner_id);
"""


def upgrade() -> None:
    op.execute(SQL)
