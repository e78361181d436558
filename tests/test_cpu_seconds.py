"""The budget of processor time that each feature's tests have."""

from __future__ import annotations

from typing import Final, Literal, cast

import pytest

from tests.cpu_seconds import FAILS_AT_S, CpuSeconds, feature_of


@pytest.mark.parametrize(
    ("nodeid", "feature"),
    [
        ("tests/server/features/test_auth.py::test_it[a/b]", "auth"),
        ("tests/server/features/people/test_profiles.py::test_it", "people/profiles"),
        ("tests/server/features/people/accounts/test_guesses.py::TestIt::test_it", "people/accounts"),
        ("tests/server/features/people/accounts/deep/test_it.py::test_it", "people/accounts"),
        ("tests/server/http/test_health.py::test_it", None),
    ],
)
def test_a_test_is_of_the_feature_whose_folder_or_file_it_is_in(nodeid: str, feature: str | None) -> None:
    assert feature_of(nodeid) == feature


PHASES: Final[tuple[Literal["setup", "call", "teardown"], ...]] = ("setup", "call", "teardown")


class Session:
    exitstatus: int = pytest.ExitCode.OK


def reported(spent: CpuSeconds, feature: str, seconds: float) -> None:
    """A test's three reports, all of which have the test's properties."""
    for when in PHASES:
        report = pytest.TestReport(
            nodeid=f"tests/server/features/{feature}/test_it.py::test_it",
            location=("", None, ""),
            keywords={},
            outcome="passed",
            longrepr=None,
            when=when,
            user_properties=[("cpu_s", seconds), ("other", "text")],
        )
        spent.pytest_runtest_logreport(report)


def ending(spent: CpuSeconds) -> int:
    session = Session()
    spent.pytest_sessionfinish(cast("pytest.Session", session))
    return session.exitstatus


def test_run_fails_when_one_feature_takes_far_more_than_its_budget_and_not_when_all_do() -> None:
    spent = CpuSeconds()
    for feature in ("people/accounts", "people/profiles", "money/ledger"):
        reported(spent, feature, FAILS_AT_S - 1)
    assert ending(spent) == pytest.ExitCode.OK
    reported(spent, "money/ledger", 1.5)
    assert ending(spent) == pytest.ExitCode.TESTS_FAILED
    assert spent.spent["money/ledger"] == FAILS_AT_S + 0.5
