"""Where the Postgres of these settings is: the one that is given, or the embedded one of the data folder.

Nothing here disturbs a server that runs: its embedded Postgres is then used over the socket it listens on, and left
running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from server.config import Settings
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import EmbeddedStartFailed
from storage.process import FolderLock


@contextlib.asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """The URL of the configured Postgres, else of the embedded one: the running one, or one started for the block.

    Raises ``EmbeddedStartFailed``.
    """
    url = settings.database_url or running_database_url(settings.data_dir)
    if url is not None:
        yield url
        return
    engine = EmbeddedPostgres(data_dir=settings.data_dir, wal_folder=settings.wal_folder)
    url = await asyncio.to_thread(engine.start)
    try:
        yield url
    finally:
        await asyncio.to_thread(engine.stop)


def running_database_url(data_dir: Path) -> str | None:
    """The URL of the embedded Postgres that a running server has on this data folder; None when no server has."""
    if not is_held(data_dir, "postgres"):
        return None
    lines = (data_dir.absolute() / "postgres" / "postmaster.pid").read_text().splitlines()
    # Line 5 of postmaster.pid is the folder of the socket.
    return f"postgresql://postgres:@/postgres?host={quote(lines[4].strip())}" if len(lines) > 4 else None


def is_held(data_dir: Path, engine: str) -> bool:
    """Whether a server that runs uses this data folder's embedded engine (``postgres`` or ``redis``)."""
    path = data_dir.absolute() / f"{engine}.lock"
    if not path.exists():
        return False
    lock = FolderLock(path=path, engine=engine)
    try:
        lock.acquire()
    except EmbeddedStartFailed:
        return True
    lock.release()
    return False
