"""How Alembic prints our revisions: as one SQL script for Postgres, without transactions of its own."""

from alembic import context

context.configure(dialect_name="postgresql", output_buffer=context.config.output_buffer, transactional_ddl=False)
context.run_migrations()
