"""``socialflow backup --base`` and ``restore --to-time TIME``, and the base backups that a server makes by itself.

For the embedded Postgres, with ``wal_folder``: a Postgres of one's own has its own tools for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from server.config import Settings
from server.database_url import database_url, running_database_url
from server.exit_codes import failed
from storage.embedded.wal_folder import WalFolder, newest
from storage.errors import StorageError
from storage.point_in_time import recover, take_base

EVERY: Final = timedelta(days=1)
LOOK_S: Final = 60.0
SAY_AGAIN_S: Final = 3_600.0
MAX_WAIT_S: Final = 180.0
"""How long a segment may wait to be kept before an error is logged."""
LATEST: Final = "latest"

log = logging.getLogger("server.point_in_time")


class BaseBackups:
    """Takes a base where there is none of the last day, and says when the WAL is not kept."""

    def __init__(self, *, settings: Settings, wal_folder: Path, url: str) -> None:
        self._wal = WalFolder(wal_folder)
        self._data = settings.data_dir.absolute() / "postgres"
        self._keep_days = settings.wal_keep_days
        self._url = url
        self._said_at = -SAY_AGAIN_S

    async def keep(self) -> None:
        """Until cancelled, which ends one that is being made."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except (StorageError, OSError) as error:
                self._say(f"no base backup can be made in {self._wal.folder}: {error}")
            await asyncio.sleep(LOOK_S)

    async def look(self, now: datetime) -> None:
        """Raises ``StorageError`` and ``OSError``."""
        if await asyncio.to_thread(_oldest_wait_s, self._data, now.timestamp()) > MAX_WAIT_S:
            self._say(f"the WAL cannot be kept in {self._wal.folder}: see postgres.log")
        life = self._wal.life(self._data)
        at = newest(await asyncio.to_thread(self._wal.bases), life)
        if at is None or now - at >= EVERY:
            await take_base(self._url, self._wal, life, keep_days=self._keep_days)

    def _say(self, words: str) -> None:
        """At most once an hour."""
        if time.monotonic() - self._said_at >= SAY_AGAIN_S:
            self._said_at = time.monotonic()
            log.error("%s", words)


async def back_up_base(settings: Settings) -> int:
    """A base backup now, of a server that runs or of its data folder; 1 when it cannot be made."""
    if settings.wal_folder is None:
        return failed("set wal_folder, the folder that base backups and the WAL after them are kept in")
    try:
        async with database_url(settings) as url:
            wal = WalFolder(settings.wal_folder)
            life = wal.life(settings.data_dir.absolute() / "postgres")
            made = await take_base(url, wal, life, keep_days=settings.wal_keep_days)
    except (StorageError, OSError) as error:
        return failed(error)
    print(f"{made}: a base backup, which every moment from now on can be reached from")
    return 0


async def bring_back_to(settings: Settings, moment: str) -> int:
    """The embedded database as it was; 1 when it cannot be had."""
    if settings.wal_folder is None or settings.database_url is not None:
        return failed("restore --to-time is for the embedded Postgres, with the wal_folder that its past is kept in")
    if running_database_url(settings.data_dir) is not None:
        return failed(f"a server runs on {settings.data_dir}: stop it first")
    try:
        to = None if moment == LATEST else _moment(moment)
        await recover(WalFolder(settings.wal_folder), settings.data_dir, to, say=_say_step)
    except (StorageError, OSError, ValueError) as error:
        return failed(error)
    told = "as late as is kept" if to is None else f"as of {to.isoformat()}"
    print(f"{settings.data_dir}: the database {told} is back: start with `socialflow serve`")
    return 0


def _moment(told: str) -> datetime:
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise ValueError(f"{told!r} is no moment with its zone, as 2026-07-01T12:30:00Z, nor `{LATEST}`")
    if at > datetime.now(UTC):
        raise ValueError(f"{told} has not come yet")
    return at.astimezone(UTC)


def _oldest_wait_s(data: Path, now: float) -> float:
    """0 when none waits."""
    begun = [now]
    for note in (data / "pg_wal" / "archive_status").glob("*.ready"):
        with contextlib.suppress(FileNotFoundError):  # kept meanwhile
            begun.append(note.stat().st_mtime)
    return now - min(begun)


def _say_step(words: str) -> None:
    print(f"  {words} …", flush=True)
