"""How a process fares, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from actors.runtime import LoopClock
from actors.runtime.clock import ManualClock
from server.load_monitor import BEAT_S, LoadMonitor


class Processor:
    """CPU time that goes by at a share of the clock's."""

    def __init__(self, clock: ManualClock, share: float) -> None:
        self._clock = clock
        self.share = share

    def __call__(self) -> float:
        return self._clock.monotonic() * self.share


@pytest.mark.parametrize(("share", "load"), [(0.0, 0.0), (0.5, 0.5), (2.0, 1.0)])
async def test_load_comes_to_the_share_of_a_core_that_is_used_and_never_above_one(share: float, load: float) -> None:
    clock, told = ManualClock(), list[float]()
    load_monitor = LoadMonitor(clock=clock, report=told.append, cpu_s=Processor(clock, share))
    load_monitor.start()
    await clock.advance(60)
    assert load_monitor.load == pytest.approx(load, abs=0.01)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(load, abs=0.01)


async def test_load_is_reported_once_a_second_until_it_is_closed() -> None:
    clock, told = ManualClock(), list[float]()
    load_monitor = LoadMonitor(clock=clock, report=told.append)
    load_monitor.start()
    await clock.advance(5)
    load_monitor.close()
    await clock.advance(5)
    assert len(told) == 5


async def test_one_busy_second_moves_the_load_only_a_little() -> None:
    clock = ManualClock()
    load_monitor = LoadMonitor(clock=clock, report=lambda _: None, cpu_s=Processor(clock, 1.0))
    load_monitor.start()
    await clock.advance(1)
    assert 0.05 < load_monitor.load < 0.15


class LateClock(LoopClock):
    """Its timers come when ``come`` is called."""

    def __init__(self) -> None:
        self.now = 100.0
        self.monotonic = lambda: self.now
        self.time = self.monotonic
        self.due: list[Callable[[], object]] = []

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        self.due.append(callback)
        return asyncio.get_running_loop().call_later(3600, lambda: None)

    def come(self, after_s: float) -> None:
        self.now += after_s
        self.due.pop()()


async def test_the_worst_lag_is_known_for_ten_seconds() -> None:
    clock = LateClock()
    load_monitor = LoadMonitor(clock=clock, report=lambda _: None)
    load_monitor.start()
    clock.come(BEAT_S + 0.3)
    clock.come(BEAT_S)
    assert load_monitor.loop_lag_s == pytest.approx(0.3)
    for _ in range(39):
        clock.come(BEAT_S)
    assert load_monitor.loop_lag_s == pytest.approx(0.0)
    load_monitor.close()
