"""Two lanes for `make test` (pytest-xdist): what plays out in real time mostly waits, so the rest runs beside it.

Tests of whole servers, browsers, clusters and images go one after another through the first lane, for two of them at
once would disturb each other's timing. All other tests are handed out by file, so that what a file sets up is set up
once.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

REAL_TIME: Final = (
    "tests/e2e/",
    "tests/cluster/",
    "tests/deploy/",
    "tests/fuzz/",
    "tests/bench/",
    "tests/media/webrtc/",
)


class Lanes(LoadScopeScheduling):
    """One unit of work for everything in real time, and one for each other file."""

    def _split_scope(self, nodeid: str) -> str:
        return "real time" if nodeid.startswith(REAL_TIME) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Lanes:
    """A hook of pytest-xdist."""
    return Lanes(config, log)
