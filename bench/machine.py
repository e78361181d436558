"""The machine that figures come from, and what runs on it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

PACKAGES: Final = (
    "socialflow", "uvloop", "aiohttp", "msgspec", "asyncpg", "redis", "av", "pylibsrtp", "aiortc", "python-socketio",
    "imageio-ffmpeg",
)  # fmt: skip


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader needs to know to judge a figure. `load` is how many processes were running just before."""

    at: str
    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    commit: str
    load: float
    versions: dict[str, str]


def describe() -> Machine:
    """This one, now."""
    return Machine(
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        commit=_commit(),
        load=round(os.getloadavg()[0], 2),
        versions={name: found for name in PACKAGES if (found := _version(name))},
    )


# -- what runs on it


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def cpu_s(pid: int) -> float:
    """What a process has used since its start; nothing if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main_thread_cpu_s(pid: int) -> float:
    """What the first thread of a process has used since its start."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def keep_on(pid: int, cores: set[int]) -> None:
    """All threads that a process has now stay on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """Empty where this is no checkout; a plus for what is not committed."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=10"],
            cwd=here, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
