"""How much processor time the tests of each feature take, told at the end; far more than the budget fails the run.

A feature's tests are those of its folder below ``tests/server/features`` or of its file there: ``people/accounts/…``
and ``people/test_profiles.py`` are two features. Counted are seconds of processor time and not of the clock: this
process's and those of children that it waited for, with setup and teardown. The first test that asks for an engine pays
for its start; its work and its end are nobody's. A feature's tests are to take 6 s at most. The run fails at 15 s,
which want of cores does not make of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import pytest

BUDGET_S: Final = 6.0
FAILS_AT_S: Final = 15.0
FEATURES: Final = "tests/server/features/"
_SPENT: Final = pytest.StashKey[float]()
_NAME: Final = "cpu_s"


def feature_of(nodeid: str) -> str | None:
    """The feature that a test is of, such as ``people/accounts``; None if it is of none."""
    if not nodeid.startswith(FEATURES):
        return None
    path = PurePosixPath(nodeid.partition("::")[0].removeprefix(FEATURES))
    return str(PurePosixPath(*path.parts[:2]).with_suffix("")).replace("test_", "")


class CpuSeconds:
    """Measures where tests run and sums up where they are reported, which may be another process (pytest-xdist)."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        item.stash[_SPENT] = _cpu_s()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        spent_s = _cpu_s() - item.stash[_SPENT]
        try:
            return (yield)
        finally:
            if nextitem is not None:  # The last one's teardown ends the engines.
                spent_s = _cpu_s() - item.stash[_SPENT]
            item.user_properties.append((_NAME, spent_s))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        feature = feature_of(report.nodeid)
        if feature is not None and report.when == "teardown":
            self.spent[feature] += sum(value for name, value in report.user_properties if name == _NAME)  # type: ignore[misc]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if any(spent > FAILS_AT_S for spent in self.spent.values()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.spent:
            return
        terminalreporter.section(f"processor time of features (at most {BUDGET_S:g} s each)")
        for feature, spent in self.spent.most_common():
            terminalreporter.line(f"{spent:6.2f} s  {feature}{_judged(spent)}", red=spent > FAILS_AT_S)


def _judged(spent: float) -> str:
    if spent > FAILS_AT_S:
        return f": FAILED, more than {FAILS_AT_S:g} s"
    return ": over the budget" if spent > BUDGET_S else ""


def _cpu_s() -> float:
    return sum(os.times()[:4])
