"""A process in an image's tree, as an engine would run it: read-only, without privileges, as the image's user."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEVICES = ("null", "zero", "full", "random", "urandom")
#: With new spaces of mounts, processes and messages; the network stays, to be reached on the loopback.
SPACES = ("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child")


@dataclass(frozen=True)
class Root:
    """The image's tree, its configuration, and a folder for what its volumes hold."""

    tree: Path
    config: Mapping[str, Any]
    volumes: Path

    @property
    def user(self) -> tuple[int, int]:
        """Ids of the image's user as its own files say."""
        name = self.config["User"]
        rows = (line.split(":") for line in (self.tree / "etc/passwd").read_text().splitlines())
        return next((int(row[2]), int(row[3])) for row in rows if row[0] == name)

    def start(self, words: list[str], env: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """``words`` in place of the image's entry point and command."""
        given = {**dict(one.split("=", 1) for one in self.config["Env"]), **env}
        with log.open("ab") as out:
            return subprocess.Popen(
                [*SPACES, "sh", "-euc", self._script(words)], env=given, stdout=out, stderr=subprocess.STDOUT
            )

    def main_job(self) -> list[str]:
        return [*self.config["Entrypoint"], *self.config["Cmd"]]

    def _script(self, words: list[str]) -> str:
        user, group = self.user
        tree = shlex.quote(str(self.tree))
        lines = [
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH",
            f"mount --bind {tree} {tree}",
            f"mount -o remount,bind,ro {tree}",
            f"mount -t proc proc {tree}/proc",
            f"mount -t tmpfs -o nosuid,mode=1777 tmpfs {tree}/tmp",
            f"mount -t tmpfs -o nosuid,mode=755 tmpfs {tree}/dev",
            *(f"touch {tree}/dev/{name}; mount --bind /dev/{name} {tree}/dev/{name}" for name in DEVICES),
            f"mkdir {tree}/dev/shm; mount -t tmpfs -o nosuid,nodev,mode=1777,size=1g tmpfs {tree}/dev/shm",
            *(self._volume(place) for place in self.config["Volumes"]),
            f"exec chroot {tree} /usr/bin/setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "
            f"--reuid={user} --regid={group} --clear-groups sh -c "
            + shlex.quote(f"cd {self.config['WorkingDir']}; exec {shlex.join(words)}"),
        ]
        return "\n".join(lines)

    def _volume(self, place: str) -> str:
        """A folder from outside, owned as the image's own."""
        folder = self.volumes / place.strip("/")
        if not folder.exists():
            folder.mkdir(parents=True)
            os.chown(folder, *self.user)
        return f"mount --bind {shlex.quote(str(folder))} {shlex.quote(str(self.tree) + place)}"
