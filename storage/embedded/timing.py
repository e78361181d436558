"""How an engine that starts, or that another process has left, is waited for."""

from __future__ import annotations

from typing import Final

POLL_S: Final = 0.01
# How long an engine must be seen to stay before it is adopted: its last parent's watcher may be ending it just now.
SETTLE_S: Final = 0.2
