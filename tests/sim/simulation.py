"""Virtual time for many processes: each has an event loop and clocks of its own, and can be frozen or killed.

One heap of timed calls moves the time; between two of them every process runs until it has nothing more to do, at no
cost of time. A frozen process keeps what falls due and runs it when it thaws, late, as after SIGSTOP and SIGCONT. A
dead one drops everything for ever: its tasks do not even run their `finally`, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from random import Random
from typing import Any

WALL = 1_700_000_000.0
MOST_PASSES_AT_ONCE = 20_000


class Broken(AssertionError):
    """A promise of the house does not hold."""


class Call:
    """A callback to come, of one process."""

    __slots__ = ("args", "callback", "context", "loop")

    def __init__(self, loop: Loop, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None):
        self.loop = loop
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = context

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.callback is None


class SimFuture(asyncio.Future[Any]):
    """Numbered, so that the order of a set of them is that of every other run."""

    def __init__(self, *, loop: Loop) -> None:
        super().__init__(loop=loop)
        self.number = next(loop.simulation.numbers)

    def __hash__(self) -> int:
        return self.number


class SimTask(asyncio.Task[Any]):
    """Numbered, as the futures are."""

    def __init__(self, work: Coroutine[Any, Any, Any], *, loop: Loop, name: str | None) -> None:
        self.number = next(loop.simulation.numbers)
        super().__init__(work, loop=loop, name=name)

    def __hash__(self) -> int:
        return self.number


class Loop(asyncio.AbstractEventLoop):
    """The event loop of one process."""

    def __init__(self, simulation: Simulation, name: str) -> None:
        self.simulation = simulation
        self.name = name
        self.ready: deque[Call] = deque()
        self.is_frozen = False
        self.is_dead = False
        self.is_listed = False
        self.thawed_at = float("-inf")
        self.tasks: list[SimTask] = []

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self.simulation.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return SimFuture(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        task = SimTask(coro, loop=self, name=name)
        self.tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        call = Call(self, callback, args, context)
        self.post(call)
        return call

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        return self.simulation.at(self.simulation.now + delay, self, callback, *args)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        return self.simulation.at(when, self, callback, *args)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead:
            self.simulation.violate(f"{self.name}: {context.get('message')}: {context.get('exception')!r}")

    # What happens to a process.

    def post(self, call: Call) -> None:
        if self.is_dead:
            return
        self.ready.append(call)
        if not self.is_listed and not self.is_frozen:
            self.is_listed = True
            self.simulation.runnable.append(self)

    def freeze(self) -> None:
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False
        self.thawed_at = self.simulation.now
        if self.ready and not self.is_listed and not self.is_dead:
            self.is_listed = True
            self.simulation.runnable.append(self)

    def kill(self) -> None:
        self.is_dead = True
        self.ready.clear()

    def run_pass(self) -> None:
        """What is ready now; what these calls make ready has its turn after the other processes'."""
        events._set_running_loop(self)
        ready = self.ready
        for _ in range(len(ready)):
            if not ready:
                return
            call = ready.popleft()
            callback = call.callback
            if callback is not None:
                try:
                    if call.context is not None:
                        call.context.run(callback, *call.args)
                    else:
                        callback(*call.args)
                except Exception as error:
                    self.simulation.violate(f"{self.name}: a callback raised {error!r}")


class Simulation:
    """The time, and everything that is to come. Every draw comes from the seed."""

    def __init__(self, seed: int, *, is_traced: bool = False) -> None:
        self.seed = seed
        self.now = 100.0
        self.numbers = count(1)
        self.runnable: deque[Loop] = deque()
        self.loops: list[Loop] = []
        self.outside = self.loop("outside")
        self.trace: list[str] | None = [] if is_traced else None
        self.calls = 0
        self.is_over = False
        self.broken: Broken | None = None
        self._heap: list[tuple[float, int, Call]] = []

    def rng(self, purpose: str) -> Random:
        """Draws of its own for each purpose, so that one more here changes nothing there."""
        return Random(f"{self.seed}/{purpose}")

    def loop(self, name: str) -> Loop:
        loop = Loop(self, name)  # type: ignore[abstract]  # as much of a loop as tasks and futures need
        self.loops.append(loop)
        return loop

    def at(self, when: float, loop: Loop, callback: Callable[..., object], *args: Any) -> Call:
        call = Call(loop, callback, args, None)
        heapq.heappush(self._heap, (when, next(self.numbers), call))
        return call

    def after(self, delay_s: float, callback: Callable[..., object], *args: Any) -> Call:
        """Outside of all processes."""
        return self.at(self.now + delay_s, self.outside, callback, *args)

    def note(self, *words: object) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.now - 100:9.4f}  " + " ".join(map(str, words)))

    def violate(self, what: str) -> None:
        """Ends the run, also where whoever runs the caller would take an exception for the caller's own."""
        if self.broken is None and not self.is_over:
            self.note("VIOLATION", what)
            self.broken = Broken(f"seed {self.seed}, at {self.now - 100:.3f} s: {what}")

    def run(self, until: float) -> None:
        """Moves the time on, from call to call, up to then. Raises Broken."""
        heap = self._heap
        try:
            self._settle()
            while heap and heap[0][0] <= until:
                when, _, call = heapq.heappop(heap)
                if call.callback is not None:
                    if when > self.now:
                        self.now = when
                    call.loop.post(call)
                    self._settle()
            if self.broken is not None:
                raise self.broken
            self.now = max(self.now, until)
        finally:
            events._set_running_loop(None)

    def _settle(self) -> None:
        runnable = self.runnable
        passes = 0
        while runnable:
            loop = runnable.popleft()
            loop.is_listed = False
            if loop.is_frozen:
                continue
            passes += 1
            self.calls += 1
            loop.run_pass()
            if loop.ready and not loop.is_listed:
                loop.is_listed = True
                runnable.append(loop)
            if passes > MOST_PASSES_AT_ONCE:
                self.violate(f"{loop.name} is busy without end")
            if self.broken is not None:
                raise self.broken

    def close(self) -> None:
        """Ends what is left of all processes, whose tasks hear nothing of it but their `finally`."""
        self.is_over = True
        events._set_running_loop(self.outside)
        for loop in self.loops:
            loop.kill()
        for loop in self.loops:
            for task in loop.tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    try:
                        task.get_coro().close()
                    except (RuntimeError, ValueError, KeyError):
                        continue
        events._set_running_loop(None)


class ProcessClock:
    """The clocks of one process: a port of the runtime. The wall's may jump."""

    def __init__(self, loop: Loop, *, ahead_s: float = 0.0) -> None:
        self.loop = loop
        self.ahead_s = ahead_s
        self.monotonic = loop.time
        self.call_later = loop.call_later

    def time(self) -> float:
        return WALL + self.loop.simulation.now + self.ahead_s

    async def sleep(self, delay_s: float) -> None:
        woken = self.loop.create_future()
        call = self.call_later(delay_s, _wake, woken)
        try:
            await woken
        finally:
            call.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
