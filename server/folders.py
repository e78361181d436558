"""The folders on this machine that a node works in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from server.ports import CannotStart

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is made there is a folder of our own, mode 0700


def require_folder(path: Path) -> None:
    """Made if it is not there. Raises ``CannotStart`` if nothing can be written into it.

    Other accounts of the machine cannot look into it. They may pass through where root makes it: Postgres, which runs
    under another account then, lies below.
    """
    try:
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o750, parents=True, exist_ok=True)
        probe = path / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"the data folder {path.absolute()} cannot be written ({os.strerror(error.errno or 0)}): "
            "fix its permissions, or choose another one with --data-dir"
        ) from None


def run_base(*, chosen: Path | None, data_dir: Path) -> Path:
    """Where the nodes of this machine keep their live files: in memory where the machine has such a folder."""
    return chosen or (MEMORY / "socialflow" if MEMORY.is_dir() else data_dir / "run")


def run_folder(*, chosen: Path | None, data_dir: Path) -> Path:
    """Makes this node's folder below `run_base`, and removes the folders that killed nodes have left there."""
    base = run_base(chosen=chosen, data_dir=data_dir)
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in base.iterdir():
        if left.name.isdigit() and not Path(f"/proc/{left.name}").exists():
            shutil.rmtree(left, ignore_errors=True)
    mine = base / str(os.getpid())
    mine.mkdir(mode=0o700, exist_ok=True)
    return mine
