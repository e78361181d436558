from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.live.edge.wheel import Wheel


def test_item_comes_up_once_at_its_time_or_within_a_tick() -> None:
    wheel: Wheel[str] = Wheel(tick_s=0.125, now=100.0)
    wheel.add("a", 100.3)
    assert wheel.expired(100.25) == []
    assert wheel.expired(100.375) == ["a"]
    assert wheel.expired(101.0) == []


def test_item_that_was_due_before_comes_up_next() -> None:
    wheel: Wheel[str] = Wheel(tick_s=0.125, now=100.0)
    wheel.expired(105.0)
    wheel.add("late", 101.0)
    assert wheel.expired(105.125) == ["late"]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 5)), max_size=30))
def test_nothing_is_early_and_nothing_is_forgotten(steps: list[tuple[float, float]]) -> None:
    now = 0.0
    wheel: Wheel[float] = Wheel(tick_s=0.1, now=now)
    waiting = 0
    for delay, pause in steps:
        wheel.add(now + delay, now + delay)
        waiting += 1
        now += pause
        due = wheel.expired(now)
        assert all(item <= now for item in due)
        waiting -= len(due)
    assert len(wheel.expired(now + 51)) == waiting
