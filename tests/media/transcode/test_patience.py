"""A hung worker is ended, a slow one is not; pauses grow while the machine is busy."""

from __future__ import annotations

import pytest

from media.transcode.patience import (
    ASLEEP_CPU_S,
    CRASHES_WITHIN_S,
    LAST_RESORT_S,
    LOOP_CPU_S,
    MAX_CRASHES,
    STALL_S,
    Backoff,
    Patience,
    Vitals,
)


def watched(*seen: tuple[float, float, bool]) -> list[str]:
    """Verdicts on a worker that was given something at 0 and did not answer: seconds, CPU seconds, ready to run."""
    patience = Patience(now=0.0)
    return [patience.verdict(now, Vitals(cpu_s, is_ready=is_ready)) for now, cpu_s, is_ready in seen]


def test_worker_that_gets_little_of_a_busy_machine_may_go_on_to_the_last_resort() -> None:
    seen = [(float(now), 7.0 + now * 0.1, now % 2 == 0) for now in range(int(LAST_RESORT_S))]
    assert set(watched(*seen)) == {""}
    assert "no answer for 30 s" in watched(*seen, (LAST_RESORT_S, 10.0, True))[-1]


def test_worker_that_works_at_one_thing_for_ever_is_hung() -> None:
    assert watched((1, 0.0, True), (9, LOOP_CPU_S - 0.1, True))[-1] == ""
    assert "8.0 s of processor time" in watched((1, 0.0, True), (9, LOOP_CPU_S, True))[-1]


@pytest.mark.parametrize(
    ("now", "cpu_s", "is_ready", "is_hung"),
    [
        (STALL_S, 0.0, False, True),
        (STALL_S - 0.1, 0.0, False, False),
        (STALL_S, ASLEEP_CPU_S, False, False),
        (STALL_S, 0.0, True, False),
    ],
    ids=["asleep", "not-yet", "has-worked", "waits-for-a-processor"],
)
def test_worker_that_sleeps_with_work_to_do_is_hung(now: float, cpu_s: float, is_ready: bool, is_hung: bool) -> None:
    assert bool(watched((1, 0.0, False), (now, cpu_s, is_ready))[-1]) is is_hung


def test_answer_begins_the_wait_anew() -> None:
    patience = Patience(now=0.0)
    patience.verdict(4.0, Vitals(0.0, is_ready=True))
    patience.progressed(4.5)
    assert patience.verdict(9.0, Vitals(50.0, is_ready=False)) == ""
    assert patience.verdict(9.5, Vitals(50.0, is_ready=False)) != ""


def test_five_crashes_within_a_minute_are_the_end() -> None:
    backoff = Backoff()
    assert [backoff.crashed(float(now)) for now in range(MAX_CRASHES)] == [0.0, 0.1, 0.5, 1.0, None]


def test_crashes_that_lie_apart_are_no_end() -> None:
    backoff = Backoff()
    for index in range(3 * MAX_CRASHES):
        assert backoff.crashed(index * (CRASHES_WITHIN_S / 4 + 1)) is not None


def test_pauses_of_a_busy_machine_double_and_are_short_again_after_an_answer() -> None:
    backoff = Backoff()
    assert [backoff.overloaded() for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    backoff.went_well()
    assert backoff.overloaded() == 1.0
