"""The server that the bench of broadcasts publishes to, and what its processes take."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

STORES = ("postgres", "redis-server")


class Server:
    """A server of this checkout on free ports, with its data in a folder that goes with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[tuple[str, int], float] = {}
        env = {name: value for name, value in os.environ.items() if not name.startswith("SOCIALFLOW_")}
        flags = ["--data-dir", str(folder), "--http-port", "0", "--rtmp-port", "0", "--webrtc-port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", *flags, "--log-level", "warning"],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        said = self._read_greeting()
        self.http = matched(r"Watch and go live\s+(\S+)/", said)
        self.rtmp = matched(r"Publish \(RTMP\)\s+(\S+)", said)
        self.key = matched(r"stream key\s+(\S+)", said)
        self.password = matched(r"password\s+(\S+)", said)

    def _read_greeting(self) -> str:
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C" in line:
                return said
        raise RuntimeError(f"the server did not start: {said}")

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far: of the node, of the media process with its codecs, of Postgres and Redis.

        What a process had taken when it was last seen still counts once it is gone, so that no sum ever falls.
        """
        node = psutil.Process(self.process.pid)
        media = [child for child in node.children(recursive=True) if _is_media(child)]
        for name, processes in (("node", [node]), ("media", media), ("stores", self._stores())):
            for process in processes:
                key = (name, process.pid)
                self._seen[key] = max(cpu_of(process), self._seen.get(key, 0.0))
        return {name: sum(s for (of, _), s in self._seen.items() if of == name) for name in ("node", "media", "stores")}

    def _stores(self) -> set[psutil.Process]:
        """Found by their folder: a database server has no parent here."""
        found = set()
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] in STORES and str(self._folder) in " ".join(process.info["cmdline"] or ()):
                found |= {process, *process.children(recursive=True)}
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def _is_media(process: psutil.Process) -> bool:
    line = " ".join(process.cmdline())
    return "media_process" in line or "transcode" in line


def cpu_of(process: psutil.Process) -> float:
    """Seconds so far, to the 10 ms that the system counts in; none of a process that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def matched(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match.group(1)
