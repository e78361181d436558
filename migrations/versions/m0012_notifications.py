"""Notifications of people, and what they do not want to hear of.

What is unread about the same subject is one row, with the newest of the people who caused it. Its ``id`` is renewed
when another joins, so that ids are in the order in which things happened.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

OWNER = "notifications"

SQL = """
create table notifications (
    person_id       uuid not null references users on delete cascade,
    id              uuid not null,
    kind            text not null,
    subject_type    text not null default '',
    subject_id      uuid not null default '00000000-0000-0000-0000-000000000000',
    people          uuid[] not null,
    count           integer not null,
    created_at      timestamptz not null,
    read_at         timestamptz,
    primary key (person_id, id)
);
create unique index notifications_unread on notifications (person_id, kind, subject_id) where read_at is null;
create index notifications_by_people on notifications using gin (people);
create index notifications_by_age on notifications (created_at);

-- One row for each kind that a person has switched; a kind without one is as the kind says.
create table notification_settings (
    person_id       uuid not null references users on delete cascade,
    kind            text not null,
    in_app          boolean not null,
    primary key (person_id, kind)
);
"""


def upgrade() -> None:
    op.execute(SQL)
