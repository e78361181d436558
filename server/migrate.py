"""`socialflow migrate`: applies the migrations that are due."""

from __future__ import annotations

from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from storage.errors import StorageError
from storage.migrate import current, migrate


async def migrate_database(settings: Settings) -> int:
    """Apply what is due and say from which revision to which; 1 when it cannot be done."""
    try:
        async with database_url(settings) as url:
            before = await current(url)
            after = await migrate(url)
    except StorageError as error:
        return failed(error)
    if before == after:
        print(f"The schema is at {after} already.")
    else:
        print(f"The schema went from {before or 'nothing'} to {after}.")
    return 0
