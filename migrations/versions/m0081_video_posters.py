"""The pictures that owners of videos choose to stand for them."""

from alembic import op

revision = "0081"
down_revision = "0080"

OWNER = "library"

SQL = "alter table videos add column poster_upload_id uuid unique;"


def upgrade() -> None:
    op.execute(SQL)
