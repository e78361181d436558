"""How a command that cannot do its work ends."""

from __future__ import annotations

import os
import sys


def failed(reason: object) -> int:
    """Writes the reason to the standard error, for an ``OSError`` with its file; the exit code."""
    if isinstance(reason, OSError) and reason.filename is not None:
        reason = f"{reason.filename}: {os.strerror(reason.errno or 0)}"
    print(f"socialflow: {' '.join(str(reason).split())}", file=sys.stderr)
    return 1
