"""The embedded Postgres as it was at a moment: a base backup, and the WAL that was kept since."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from storage.dump import rename_logs, run_tool
from storage.embedded.engine_log import tail
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.programs import postgres_program
from storage.embedded.wal_folder import LIFE, Base, WalFolder, kept_after, recovery_settings, stamped
from storage.errors import EmbeddedStartFailed, StorageError
from storage.process import Account, FolderLock, account_for

RECOVERY_S: Final = 4 * 3_600.0
_LAST: Final = re.compile(r"last completed transaction was at log time (\S+ \S+)")


class NotReached(StorageError):
    """What is kept does not lead to the moment; the sentence says what does."""


class NothingSince(NotReached):
    """All that is kept was replayed, and the last change of it is of before the moment."""


async def take_base(url: str, wal: WalFolder, life: Path, *, keep_days: int) -> Path:
    """Copy the whole database, of a server that runs, into its life's folder, and remove what is too old since.

    Raises ``DumpFailed`` and ``OSError``; what is half made is then no base, and goes.
    """
    part = Path(tempfile.mkdtemp(prefix="base.", suffix=".part", dir=life))
    try:
        await run_tool("pg_basebackup", url, f"--pgdata={part}", *_AS_ONE_FILE)
        now = datetime.now(UTC)
        made = part.rename(life / stamped(now))
    finally:
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
    await asyncio.to_thread(wal.sweep, keep_from=now - timedelta(days=keep_days))
    return made


_AS_ONE_FILE: Final = ("--format=tar", "--gzip", "--wal-method=fetch", "--checkpoint=fast", "--no-password")


async def recover(wal: WalFolder, data_dir: Path, to: datetime | None, *, say: Callable[[str], None]) -> Base:
    """Make ``data_dir / "postgres"`` as it was at ``to``, or as late as is kept: the base that it began with.

    A moment after the last change that is kept is as late as is kept; ``say`` is then told of when that was.
    All or nothing: made beside its place and moved there. Raises ``NotReached``, ``EmbeddedStartFailed``,
    ``DumpFailed`` and ``OSError``.
    """
    base = _base_for(wal, to)
    lock = FolderLock(path=data_dir.absolute() / "postgres.lock", engine="Postgres")
    lock.acquire()
    beside = data_dir.absolute() / "restoring"
    try:
        if (data_dir / "postgres" / "PG_VERSION").exists():
            raise NotReached(f"{data_dir / 'postgres'} holds a database: move it away, or give a new --data-dir")
        shutil.rmtree(beside, ignore_errors=True)
        say(f"unpacking the base of {base.at.isoformat()}")
        await asyncio.to_thread(_unpack, base, beside / "postgres")
        say("replaying what came after it")
        try:
            await _replay(base, beside, to)
        except NothingSince as nothing:
            say(str(nothing))
            (beside / "postgres.log").unlink()  # told, and no reason of what follows
            await _replay(base, beside, None)
        (beside / "postgres" / LIFE).unlink(missing_ok=True)
        _move(beside / "postgres", data_dir.absolute() / "postgres")
    finally:
        await asyncio.to_thread(shutil.rmtree, beside, ignore_errors=True)
        lock.release()
    return base


def _base_for(wal: WalFolder, to: datetime | None) -> Base:
    bases = wal.bases()
    if not bases:
        raise NotReached(f"{wal.folder} holds no base backup")
    before = [base for base in bases if to is None or base.at <= to]
    if not before:
        raise NotReached(f"the oldest base backup is of {bases[0].at.isoformat()}: no earlier moment can be reached")
    if to is None and (missing := kept_after(before[-1]).missing):
        raise NotReached(_gap(missing))
    return before[-1]


def _gap(missing: str) -> str:
    return f"the segment {missing} of the WAL is missing, and what comes after it cannot be used"


def _unpack(base: Base, data: Path) -> None:
    """And compare each file with the sums of the base."""
    data.mkdir(mode=0o700, parents=True)
    try:
        with tarfile.open(base.folder / "base.tar.gz", "r|gz") as tar:
            tar.extractall(data, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise NotReached(f"the base backup {base.folder} is damaged: {error}") from error
    shutil.copyfile(base.folder / "backup_manifest", data / "backup_manifest")
    checked = subprocess.run(  # noqa: S603 - our own words
        [str(postgres_program("pg_verifybackup")), "--exit-on-error", "--no-parse-wal", str(data)],
        capture_output=True,
        check=False,
    )
    if checked.returncode != 0:
        told = " ".join(checked.stderr.decode(errors="replace").split())
        raise NotReached(f"the base backup {base.folder} is damaged: {told[:300]}")
    (data / "recovery.signal").touch()
    _give(data, account_for(data.parent / "none", postgres_program("")))


def _give(data: Path, account: Account) -> None:
    account.own(data.parent)
    account.own(data)
    for folder, folders, files in os.walk(data):
        for name in (*folders, *files):
            account.own(Path(folder) / name)


async def _replay(base: Base, beside: Path, to: datetime | None) -> None:
    options = recovery_settings(base, to)
    engine = EmbeddedPostgres(data_dir=beside, start_timeout_s=RECOVERY_S, options=options, reads=base.wal)
    try:
        url = await asyncio.to_thread(engine.start)
        await rename_logs(url)
    except EmbeddedStartFailed as error:
        raise _reason(base, tail(beside / "postgres.log", size=20_000)) or error from error
    finally:
        await asyncio.to_thread(engine.stop)


def _reason(base: Base, log: str) -> NotReached | None:
    """Why a recovery has ended early, from what Postgres has logged."""
    damaged = next((line.partition("wal: ")[2] for line in log.splitlines() if line.startswith("wal: ")), "")
    if damaged:
        return NotReached(damaged)
    if "recovery ended before configured recovery target" not in log:
        return None
    *_, last = ["", *_LAST.findall(log)]
    until = f"the last change before that moment is of {last}" if last else "nothing was changed since its base backup"
    if missing := kept_after(base).missing:
        return NotReached(f"{_gap(missing)}; {until}")
    return NothingSince(f"{until}, and nothing is kept from then on: taking all that is kept")


def _move(source: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    source.rename(target)
