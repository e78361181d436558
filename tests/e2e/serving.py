"""A real server: the installed command as its own process, on free ports, with a data folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

COMMAND = Path(sys.executable).parent / "socialflow"
START_S = 120.0


@dataclass
class Server:
    """Started by ``start``; its printed addresses are read from what it says."""

    data_dir: Path
    env: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    admin_password: str = ""
    admin_key: str = ""

    def start(self) -> Server:
        command = [str(COMMAND), "serve", "--data-dir", str(self.data_dir)]
        ports = () if "--http-port" in self.flags else ("--http-port", "0", "--rtmp-port", "0", "--webrtc-port", "0")
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*command, *ports, *self.flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.env},
            cwd=self.data_dir.parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._printed(r"Watch and go live\s+(\S+)/")
        self.rtmp = self._printed(r"Publish \(RTMP\)\s+(\S+)")
        self._printed(r"(Ctrl-C stops it)")
        text = self.output
        if found := re.search(r"password\s+(\S+)", text):
            self.admin_password = found[1]
        if found := re.search(r"stream key\s+(\S+)", text):
            self.admin_key = found[1]
        return self

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def http_port(self) -> int:
        return urlsplit(self.url).port or 80

    @property
    def rtmp_port(self) -> int:
        return urlsplit(self.rtmp).port or 1935

    def descendants(self) -> list[psutil.Process]:
        """Every process below the server, the engines included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, *words: str) -> psutil.Process:
        """The first descendant whose command line has all of these words."""
        for process in self.descendants():
            line = " ".join(process.cmdline())
            if all(word in line for word in words):
                return process
        raise AssertionError(f"no child process with {words}: {[p.cmdline() for p in self.descendants()]}")

    def stop(self, within_s: float = 120.0) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(within_s)

    def kill(self) -> None:
        self.process.kill()
        self.wait(10)

    def wait(self, within_s: float) -> int:
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop within {within_s} s:\n{self.output}") from None
        self._reader.join(5)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _printed(self, pattern: str) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output):
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError(f"the server did not print {pattern!r}:\n{self.output}")


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except psutil.NoSuchProcess:
            continue
    return left
