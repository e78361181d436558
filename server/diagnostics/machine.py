"""The machine: Python, folders, open files, clock, the built web client."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from server.config import Settings
from server.diagnostics.findings import Finding, fine, note, problem
from server.folders import run_base
from storage.embedded.wal_folder import WalFolder

WEB: Final = Path(__file__).parent.parent / "web" / "dist"
MIN_FREE_BYTES: Final = 1 << 30
OLDEST_CLOCK: Final = datetime(2026, 1, 1, tzinfo=UTC)
SPARE_FILES: Final = 512
OLD_BASE: Final = timedelta(days=2)


async def check_python(_settings: Settings) -> list[Finding]:
    return [fine("python", f"{platform.python_version()} on {platform.machine()} {platform.system()}")]


async def check_data_folder(settings: Settings) -> list[Finding]:
    data = settings.data_dir.absolute()
    there = _nearest(data)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return [problem("data folder", f"{there} cannot be written", "mend its permissions, or choose --data-dir")]
    free = shutil.disk_usage(there).free
    says = f"{data}{'' if there == data else ' (will be made)'}, {_bytes(free)} free"
    if free < MIN_FREE_BYTES:
        return [problem("data folder", says, f"free at least {_bytes(MIN_FREE_BYTES)}, or choose --data-dir")]
    return [fine("data folder", says)]


async def check_wal_folder(settings: Settings) -> list[Finding]:
    """Nothing where there is none."""
    if settings.wal_folder is None:
        return []
    folder = settings.wal_folder.absolute()
    there = _nearest(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return [problem("wal folder", f"{there} cannot be written", "mend its permissions, or choose --wal-folder")]
    bases = WalFolder(folder).bases()
    since = f"every moment since {bases[0].at.isoformat(timespec='seconds')}" if bases else "no base backup yet"
    says = f"{folder}, {_bytes(shutil.disk_usage(there).free)} free, {since}"
    if bases and datetime.now(UTC) - bases[-1].at > OLD_BASE:
        return [note("wal folder", f"{says}, but no base of the last days", "run `socialflow backup --base`")]
    if there.stat().st_dev == _nearest(settings.data_dir.absolute()).stat().st_dev:
        return [note("wal folder", f"{says}, on the disk of the data folder", "choose one that is not lost with it")]
    return [fine("wal folder", says)]


async def check_run_folder(settings: Settings) -> list[Finding]:
    folder = run_base(chosen=settings.run_dir, data_dir=settings.data_dir.absolute())
    there = _nearest(folder.absolute())
    if not os.access(there, os.W_OK | os.X_OK):
        return [problem("run folder", f"{there} cannot be written", "mend its permissions, or choose --run-dir")]
    free, wanted = shutil.disk_usage(there).free, settings.max_run_bytes
    says = f"{folder}, {_bytes(free)} free of {_bytes(wanted)} that live segments may take"
    if free < wanted:
        return [note("run folder", says, "give it more room (containers: shm_size), or lower --max-run-bytes")]
    if not _is_memory(there):
        return [note("run folder", f"{says}, on a disk", "choose a memory-backed --run-dir, as below /dev/shm")]
    return [fine("run folder", f"{says}, in memory")]


async def check_open_files(settings: Settings) -> list[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_sockets + SPARE_FILES
    says = f"{_count(soft)} of {_count(hard)}, {wanted} for max_sockets and what else is open"
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return [fine("open files", says)]
    return [note("open files", says, f"raise the limit (ulimit -n {wanted}), or lower --max-sockets")]


async def check_clock(_settings: Settings) -> list[Finding]:
    now = datetime.now(UTC)
    says = now.isoformat(timespec="seconds")
    if now < OLDEST_CLOCK:
        return [problem("clock", f"{says} is in the past", "set the clock: tokens and certificates lean on it")]
    return [fine("clock", says)]


async def check_web_client(_settings: Settings) -> list[Finding]:
    if (WEB / "index.html").is_file():
        return [fine("web client", "built")]
    return [note("web client", "not built: there is an API, but no page", "run `make web`")]


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(step for step in (path, *path.parents) if step.exists())


def _is_memory(path: Path) -> bool:
    """Whether the folder lies on a file system in memory, where the system says (Linux); elsewhere False."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return False
    holding = [(len(words[1]), words[2]) for words in mounts if path.resolve().is_relative_to(words[1])]
    return bool(holding) and max(holding)[1] in {"tmpfs", "ramfs"}


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _count(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
