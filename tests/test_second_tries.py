"""What of the tests that failed may be tried again."""

from __future__ import annotations

from tests.second_tries import refused

NAMED = "tests/server/test_slow.py::test_named"
IN_REAL_TIME = [f"tests/e2e/test_page.py::test_it[{number}]" for number in range(4)]


def test_named_ones_and_a_few_in_real_time_may_be_tried_again_and_no_others() -> None:
    known = {NAMED: "2026-11-30 on a full machine"}
    other = "tests/server/test_sums.py::test_one_and_one"
    assert refused([f"{NAMED}[a]", *IN_REAL_TIME[:3]], known) == []
    assert refused([NAMED, other, IN_REAL_TIME[0]], known) == [other]
    assert refused([NAMED, *IN_REAL_TIME], known) == IN_REAL_TIME
