"""Children of this process: whose account they run under, who else uses their folder, and that none is left behind."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pwd
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from storage.errors import EmbeddedStartFailed

_ACCOUNTS: Final = ("socialflow", "postgres", "nobody")
_CAP_DAC_OVERRIDE: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_SET_SECUREBITS: Final = 28
_SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522
_POLL_S: Final = 0.01


class Account:
    """The system account that a child runs under. ``needs_reach``: it cannot walk to its files by itself."""

    def __init__(self, *, uid: int, gid: int, is_other: bool, needs_reach: bool = False) -> None:
        self.uid = uid
        self.gid = gid
        self.is_other = is_other
        self.needs_reach = needs_reach

    @classmethod
    def current(cls) -> Account:
        return cls(uid=os.geteuid(), gid=os.getegid(), is_other=False)

    def own(self, folder: Path) -> None:
        """Give ``folder`` to the account."""
        if self.is_other:
            os.chown(folder, self.uid, self.gid)


def account_for(data: Path, *programs: Path) -> Account:
    """Who runs Postgres, which refuses to run as root: we, unless we are root; then the owner of existing data, else
    the first of a few accounts that a system has."""
    if os.geteuid() != 0:
        return Account.current()
    owner = data.stat().st_uid if data.exists() else 0
    entry = _entry(owner)
    reach = not all(_may_enter(folder, entry) for folder in (data.parent, *programs))
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, is_other=True, needs_reach=reach)


def _entry(owner: int) -> pwd.struct_passwd:
    if owner:
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(owner)
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedStartFailed(
        "Postgres", "it refuses to run as root and there is no other account", "add one: useradd --system socialflow"
    )


def _may_enter(folder: Path, entry: pwd.struct_passwd) -> bool:
    """Whether the account can walk down to ``folder``."""
    return all(_is_open_to(step.stat(), entry) for step in (folder, *folder.parents))


def _is_open_to(status: os.stat_result, entry: pwd.struct_passwd) -> bool:
    if status.st_uid == entry.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == entry.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def spawn(command: Sequence[str], *, account: Account, cwd: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C in a terminal reaches only us, its output in ``log``."""
    if not account.is_other:
        return _popen(command, cwd, log)
    if account.needs_reach and sys.platform == "linux":
        return _popen(command, cwd, log, prepare=_step_down(account))
    return _popen(command, cwd, log, uid=account.uid, gid=account.gid)


def _popen(
    command: Sequence[str],
    cwd: Path,
    log: IO[bytes],
    *,
    uid: int | None = None,
    gid: int | None = None,
    prepare: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return subprocess.Popen(  # noqa: S603 - our own words
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=cwd,
        env={**environment, "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        umask=0o077,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        preexec_fn=prepare,  # noqa: PLW1509 - it makes system calls only and takes no lock
    )


def _step_down(account: Account) -> Callable[[], None]:
    """Become the account but keep one capability, so that a data folder or an environment inside a private folder
    (``/root``, a temporary one) can be reached without opening that folder to all (capabilities(7), ambient set).

    ``initdb`` asks access(2) about its programs first. That call ignores the capabilities of a process that is not
    root, unless the securebit NO_SETUID_FIXUP is set.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    mask = 1 << _CAP_DAC_OVERRIDE
    header = struct.pack("=II", _CAPABILITY_VERSION_3, 0)
    wanted = struct.pack("=6I", mask, mask, mask, 0, 0, 0)

    def step_down() -> None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
        libc.capset(header, wanted)
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)

    return step_down


class Watcher:
    """A small process that signals ``pid`` when this process has gone, in whatever way.

    It blocks on a pipe whose only write end is ours and not inherited by other children; the kernel closes it with us.
    """

    def __init__(self, *, pid: int, signal_name: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            ["/bin/sh", "-c", f"read -r word || kill -{signal_name} {pid}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def dismiss(self) -> None:
        """End the watcher without a signal to the watched."""
        self._process.kill()
        self._process.wait(timeout=5)
        if self._process.stdin:
            self._process.stdin.close()


class FolderLock:
    """Only one server uses a data folder: a lock of the kernel on a file in it, gone with its holder."""

    def __init__(self, *, path: Path, engine: str) -> None:
        self._path = path
        self._engine = engine
        self._fd = -1

    def acquire(self) -> None:
        """Take the lock, or raise ``EmbeddedStartFailed`` with the process that has it. Taking it again is nothing."""
        if self._fd >= 0:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedStartFailed(
                self._engine,
                f"cannot write to the data folder {self._path.parent} ({error.strerror})",
                "check who owns it, or choose another --data-dir",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise EmbeddedStartFailed(
                self._engine,
                f"the data folder {self._path.parent} is in use by process {holder}",
                "stop that server, or choose another --data-dir",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def command_line(pid: int) -> str:
    """The words a process was started with, or an empty string when there is no such process."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listing = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own words


def is_alive(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    """Whether the process runs; a child that has ended is reaped on the way, an adopted zombie counts as gone."""
    if child is not None:
        return child.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(command_line(pid))


def wait_gone(pid: int, child: subprocess.Popen[bytes] | None, patience_s: float) -> bool:
    """Wait until the process has ended; False when it has not within ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while is_alive(pid, child):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
