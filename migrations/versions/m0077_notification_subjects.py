"""An unread notification is of one kind and subject, of whose type there may be several for one id."""

from alembic import op

revision = "0077"
down_revision = "0076"

OWNER = "notifications"

SQL = """
create unique index notifications_unread_of_subject on notifications (person_id, kind, subject_id, subject_type)
    where read_at is null;
drop index notifications_unread;
"""


def upgrade() -> None:
    op.execute(SQL)
