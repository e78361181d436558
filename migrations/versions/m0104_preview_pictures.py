"""Pictures of previews are served by the server itself; addresses elsewhere, which no page has shown, go."""

from alembic import op

revision = "0104"
down_revision = "0103"

OWNER = "posts"

SQL = """
update link_previews set image_url = null where image_url not like '/previews/%';
"""


def upgrade() -> None:
    op.execute(SQL)
