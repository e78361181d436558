"""What the embedded engines share: one server process on a folder, started or adopted, which goes with this one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from storage.embedded.engine_log import failure_of_os, shorten
from storage.process import FolderLock, Watcher, is_alive, wait_gone


class EmbeddedEngine(ABC):
    """``file_name``: what the engine's lock and log are called by in the data folder."""

    name: ClassVar[str]

    def __init__(self, *, data_dir: Path, file_name: str) -> None:
        self._log = data_dir.absolute() / f"{file_name}.log"
        self._lock = FolderLock(path=data_dir.absolute() / f"{file_name}.lock", engine=self.name)
        self._pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def start(self) -> str:
        """Start or adopt the server and return its URL once it answers; again: restart it if it is gone.

        Raises ``EmbeddedStartFailed``.
        """
        self._lock.acquire()
        try:
            return self._start()
        except OSError as error:
            raise failure_of_os(self.name, error) from error
        finally:
            if not self._pid:
                self._lock.release()

    def stop(self) -> None:
        """Shut down in order, harder when that takes too long."""
        if self._pid:
            self._end()
        self._forget()
        self._lock.release()

    def is_running(self) -> bool:
        return bool(self._pid) and is_alive(self._pid, self._child)

    @property
    def pid(self) -> int:
        """The server's main process, 0 when it was not started."""
        return self._pid

    def bound_log(self) -> None:
        """Keep the log file within its limit."""
        shorten(self._log)

    @abstractmethod
    def _start(self) -> str:
        """The URL of the running server, with ``_watch`` called for one that was started or adopted."""

    @abstractmethod
    def _end(self) -> None:
        """End the running server."""

    def _watch(self, pid: int, *, signal_name: str) -> None:
        """The server is this process: when this program goes, it is sent the signal."""
        self._pid = pid
        self._watcher = Watcher(pid=pid, signal_name=signal_name)

    def _signal(self, how: int, patience_s: float) -> bool:
        """Whether the server has gone within the time."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, how)
        return wait_gone(self._pid, self._child, patience_s)

    def _forget(self) -> None:
        if self._watcher:
            self._watcher.dismiss()
        self._pid, self._child, self._watcher = 0, None, None
