"""Whether a codec worker that does not answer is hung or merely slow, and when to try the next one. Sans-I/O.

A worker gives way to all other processes, so on a busy machine it may stand still for many seconds without a fault.
Ending it then costs the machine another start, which is the dearest thing that a worker does. So what counts is the
processor time that it used since its last answer, and wall time only as the last resort.
"""

from __future__ import annotations

from collections import deque

import msgspec

#: Before this nothing is looked at.
STALL_S = 5.0
#: So much work on one thing ends in nothing: the longest picture takes a fraction of it.
LOOP_CPU_S = 8.0
#: A worker that has something to do and uses less than this in ``STALL_S`` while it sleeps, or is stopped, waits for
#: nobody; one that is ready to run waits for a processor.
ASLEEP_CPU_S = 0.05
LAST_RESORT_S = 30.0

MAX_CRASHES = 5
CRASHES_WITHIN_S = 60.0
_CRASH_PAUSES_S = (0.0, 0.1, 0.5, 1.0, 2.0)
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 30.0


class Vitals(msgspec.Struct, frozen=True):
    """What the kernel says of a process: processor seconds of all its threads, and whether it is ready to run."""

    cpu_s: float
    is_ready: bool


class Patience:
    """Watches one worker from its last answer on. Times are monotonic seconds.

    Ask for the ``verdict`` about once a second while it has something to do: what it had used when it was asked for the
    first time after an answer is what counts from there.
    """

    def __init__(self, *, now: float) -> None:
        self._since = now
        self._cpu_s: float | None = None

    def progressed(self, now: float) -> None:
        """It has answered, or has nothing to answer."""
        self._since, self._cpu_s = now, None

    def verdict(self, now: float, vitals: Vitals) -> str:
        """Why it has to be ended; empty while it may go on."""
        if self._cpu_s is None:
            self._cpu_s = vitals.cpu_s
        waited_s, used_s = now - self._since, vitals.cpu_s - self._cpu_s
        if waited_s < STALL_S:
            return ""
        if used_s >= LOOP_CPU_S:
            return f"no answer after {used_s:.1f} s of processor time"
        if used_s < ASLEEP_CPU_S and not vitals.is_ready:
            return f"it has slept for {waited_s:.1f} s with work to do"
        if waited_s >= LAST_RESORT_S:
            return f"no answer for {waited_s:.0f} s, in which it got {used_s:.1f} s of processor time"
        return ""


class Backoff:
    """How long to wait before the next worker. Crashes may be the bitstream's fault, so that five within a minute are
    the end; whatever a busy machine does to a worker only makes the pauses longer, from one second to half a minute.
    """

    def __init__(self) -> None:
        self._crashes: deque[float] = deque(maxlen=MAX_CRASHES)
        self._pause_s = FIRST_PAUSE_S

    def crashed(self, now: float) -> float | None:
        """The pause after a worker that ended by itself; None when there is no use in another one."""
        self._crashes.append(now)
        while self._crashes[-1] - self._crashes[0] > CRASHES_WITHIN_S:
            self._crashes.popleft()
        return None if len(self._crashes) == MAX_CRASHES else _CRASH_PAUSES_S[len(self._crashes) - 1]

    def overloaded(self) -> float:
        """The pause after a worker that was ended, or that could not be started in time."""
        pause_s = self._pause_s
        self._pause_s = min(MAX_PAUSE_S, 2 * pause_s)
        return pause_s

    def went_well(self) -> None:
        """A worker has answered: the next pause is short again."""
        self._pause_s = FIRST_PAUSE_S
