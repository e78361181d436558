"""The folder of an engine's Unix socket."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from storage.process import Account

MAX_SOCKET_PATH: Final = 100  # sun_path holds 108 bytes on Linux and 104 on macOS, the final zero included


def socket_folder(home: Path, name: str, account: Account) -> Path:
    """``home`` if a socket there has a path short enough, else a private folder under the temporary one."""
    if len(os.fsencode(home / name)) <= MAX_SOCKET_PATH:
        return home
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"socialflow-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    account.own(short)
    short.chmod(0o700)
    return short
