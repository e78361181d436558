"""Lanes for `make test` (pytest-xdist): what plays out in real time mostly waits, so the rest runs beside it.

Tests of whole servers, browsers, clusters, images and WebRTC sessions are real time: they go one after another through
one of two lanes, since more of them at once would disturb each other's timing. All other tests are handed out by file,
so that what a file sets up is set up once, and give way to those in real time: their processes are nice.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

REAL_TIME_WEBRTC: Final = ("browser", "fanout", "ingest", "layers", "loss", "port", "quality", "round_trip")
REAL_TIME: Final = {
    "clusters": (
        "tests/cluster/",
        "tests/deploy/test_chart.py",
        "tests/deploy/test_cluster.py",
        "tests/deploy/test_dashboard.py",
        "tests/deploy/test_image.py",
        "tests/deploy/test_proxy.py",
        "tests/bench/",
        *(f"tests/media/webrtc/test_{name}.py" for name in REAL_TIME_WEBRTC),
        "tests/storage/test_cluster.py",
        "tests/e2e/test_backup.py",
        "tests/e2e/test_faults.py",
    ),
    "browsers": ("tests/e2e/", "tests/fuzz/"),
}
OTHERS: Final = "others"
#: Takes minutes and asks for root: run by its name alone.
ON_DEMAND: Final = {"image": "tests/image/"}
NICENESS: Final = 7
SLOWEST: Final = 15


def lane_of(nodeid: str) -> str | None:
    """The lane in real time, or on demand, that a test is of; None for all others."""
    lanes = {**REAL_TIME, **ON_DEMAND}
    return next((lane for lane, starts in lanes.items() if nodeid.startswith(starts)), None)


class Lanes(LoadScopeScheduling):
    """One unit of work for each lane in real time, and one for each other file."""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid) or nodeid.partition("::")[0]


class Durations:
    """Steps back for those in real time where tests run, and sums up seconds of the clock where they are reported."""

    def __init__(self, config: pytest.Config) -> None:
        self.lanes: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self._is_worker = hasattr(config, "workerinput")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        # For good: a worker that begins with a lane has gone through it when it comes to any other test.
        if self._is_worker and lane_of(item.nodeid) is None and os.nice(0) == 0:
            os.nice(NICENESS)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.lanes[lane_of(report.nodeid) or OTHERS] += report.duration  # type: ignore[assignment]
        self.files[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if len(self.files) > 1:
            terminalreporter.section("seconds of the clock")
            for name, seconds in (*self.lanes.most_common(), *self.files.most_common(SLOWEST)):
                terminalreporter.line(f"{seconds:7.1f} s  {name}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Lanes:
    """A hook of pytest-xdist. The lanes are handed out first, since they take longest."""
    config.option.loadscopereorder = False
    return Lanes(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """A hook of pytest."""
    parser.addoption("--lane", choices=(*REAL_TIME, OTHERS, *ON_DEMAND), help="only the tests of this lane")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A hook of pytest: those in real time first, else in the order of the files."""
    lane = config.getoption("--lane")
    lanes = {*REAL_TIME, OTHERS} if lane is None else {lane}
    if left_out := [item for item in items if (lane_of(item.nodeid) or OTHERS) not in lanes]:
        items[:] = [item for item in items if (lane_of(item.nodeid) or OTHERS) in lanes]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=lambda item: lane_of(item.nodeid) is None)
