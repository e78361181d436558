"""`socialflow reindex`: makes what searches look into anew."""

from __future__ import annotations

import sys
from collections import Counter

from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from server.features.discovery.search import indexing
from storage.errors import StorageError
from storage.migrate import migrate
from storage.postgres import Database


async def make_index(settings: Settings) -> int:
    """Says how far it is as it goes; 1 when it cannot be done."""
    seen: Counter[str] = Counter()

    def progress(kind: str, count: int) -> None:
        seen[kind] = count
        print("\r" + ", ".join(f"{kind} {count:,}" for kind, count in seen.items()), end="", file=sys.stderr)

    try:
        async with database_url(settings) as url:
            await migrate(url)
            database = await Database.connect(url, max_connections=2)
            try:
                await indexing(database).rebuild(progress)
            finally:
                await database.close()
    except StorageError as error:
        return failed(error)
    print(file=sys.stderr)
    print(f"{sum(seen.values()):,} documents were looked at; searches find them.")
    return 0
