"""The worker of a node: claims jobs that are due, runs them side by side, and writes how they ended."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from actors.runtime import ActorError, Clock, DomainError
from server.jobs.kinds import Attempt, AttemptRows, GiveUp, Job, RetryLater
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs.rows import Claim, NewJob, Outcome, State, Superseded
from storage.wakeup import Wakeup

LEASE_S: Final = 15.0
"""How long the jobs of a worker wait that was killed or is frozen, before another one takes them over."""
POLL_S: Final = 1.0
"""NOTIFY wakes a worker at once; this is the net below it, and how late a job that is enqueued for later may be."""
PAUSE_S: Final = 0.5
MAX_BACKOFF_S: Final = 3_600.0
LOST: Final = "its worker went away in the middle of it"

log = logging.getLogger("server.jobs")

Why = Literal["cancelled", "superseded", "late", "closing"]
Token = tuple[str, int]
"""A job's id and its attempt."""


class QueueRows(AttemptRows, Protocol):
    """What a worker needs of the queue."""

    async def claim(self, names: Sequence[str], most: int, *, worker: str, lease_s: float) -> list[Claim]: ...

    async def claim_within(self, name: str, most: int, *, at_once: int, worker: str, lease_s: float) -> list[Claim]: ...

    async def names_due(self, names: Sequence[str]) -> list[str]: ...

    async def take_lost(self, names: Sequence[str], most: int, *, lease_s: float) -> list[Claim]: ...

    async def renew(self, held: Sequence[tuple[str, int]], *, lease_s: float) -> dict[str, bool]: ...

    async def settle(self, outcomes: Sequence[Outcome]) -> list[str]: ...


class Held:
    """A job that runs here. ``why``: for what its task was cancelled, if it was."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.token: Token = (claim.id, claim.attempt)
        self.task: asyncio.Task[None] | None = None
        self.why: Why | None = None

    def cancel(self, why: Why) -> None:
        if self.why is None and self.task is not None:
            self.why = why
            self.task.cancel()


class Worker:
    """``slots`` jobs at a time. No more are claimed than run, so a worker that is killed costs no other job a try.

    ``ended`` counts attempts by (name, state).
    """

    def __init__(
        self,
        *,
        rows: QueueRows,
        jobs: Sequence[Job[Any]],
        name: str,
        clock: Clock,
        slots: int,
        ids: Ids,
        lease_s: float = LEASE_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``chance``: a number from 0 to 1 that spreads the pauses."""
        self._rows = rows
        self._jobs = {job.name: job for job in jobs}
        if len(self._jobs) != len(jobs):
            raise ValueError("two jobs have the same name")
        if any(job.when_dead is not None and job.when_dead.name not in self._jobs for job in jobs):
            raise ValueError("a job that is enqueued when another one is dead is to be among the jobs")
        self._ids = ids
        self._open = [job.name for job in jobs if not job.is_bounded]
        self._bounded = [job.name for job in jobs if job.is_bounded]
        self._name = name
        self._clock = clock
        self._slots = slots
        self._lease_s = lease_s
        self._chance = chance
        self._held: dict[Token, Held] = {}
        self._outcomes: list[Outcome] = []
        self._work_wakeup, self._keep_wakeup = Wakeup(clock=clock), Wakeup(clock=clock)
        self._loops: list[asyncio.Task[None]] = []
        self._is_closing = False
        self._look_at_bounded_at = float("-inf")
        self.ended: Counter[tuple[str, State]] = Counter()

    @property
    def running(self) -> int:
        return len(self._held)

    def start(self) -> None:
        create_task = asyncio.get_running_loop().create_task
        self._loops = [
            create_task(self._run_work(), name="jobs"),
            create_task(self._run_keep(), name="leases of jobs"),
        ]

    async def close(self, *, budget_s: float) -> None:
        """Take no more jobs; give those that run so long to end. The rest is cancelled and given back uncounted."""
        self._is_closing = True
        self._work_wakeup.set()
        await asyncio.gather(*self._loops[:1])
        alarm = self._clock.call_later(budget_s, self._give_up_waiting)
        tasks = [held.task for held in self._held.values() if held.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        alarm.cancel()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        try:
            await self._settle()
        except StorageError as error:
            log.warning("the ends of %d jobs were not written: %s", len(self._outcomes), error)

    def _give_up_waiting(self) -> None:
        for held in self._held.values():
            held.cancel("closing")

    def notified(self, payload: str) -> None:
        """Of the channel of the queue: jobs are due, or a cancellation is asked for."""
        if payload:
            self._keep_wakeup.set()
        else:
            self._look_at_bounded_at = float("-inf")
            self._work_wakeup.set()

    async def _run_work(self) -> None:
        while not self._is_closing:
            await self._try(self._work)
            await self._work_wakeup.wait(POLL_S)

    async def _run_keep(self) -> None:
        while True:
            await self._try(self._keep)
            await self._keep_wakeup.wait(self._lease_s / 3)

    async def _try(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await step()
        except StorageError as error:
            log.warning("jobs wait: %s", error)
            await self._clock.sleep(PAUSE_S)

    # claims

    async def _work(self) -> None:
        await self._settle()
        if self._free > 0 and self._bounded and self._clock.monotonic() >= self._look_at_bounded_at:
            await self._work_bounded()
        if self._free > 0 and self._open:
            self._begin(await self._rows.claim(self._open, self._free, worker=self._name, lease_s=self._lease_s))

    async def _work_bounded(self) -> None:
        """Once a poll, and at once when they may be due: the end of any other job changes nothing about them."""
        self._look_at_bounded_at = self._clock.monotonic() + POLL_S
        for name in await self._rows.names_due(self._bounded):
            self._begin(await self._claim_bounded(self._jobs[name]))
        if self._free == 0:
            self._look_at_bounded_at = float("-inf")  # slots were the limit: look again with the next one

    @property
    def _free(self) -> int:
        return 0 if self._is_closing else self._slots - len(self._held)

    async def _claim_bounded(self, job: Job[Any]) -> list[Claim]:
        here = sum(held.claim.name == job.name for held in self._held.values())
        most = min(self._free, self._slots if job.at_once_on_node is None else job.at_once_on_node - here)
        if most <= 0:
            return []
        if job.at_once is None:
            return await self._rows.claim([job.name], most, worker=self._name, lease_s=self._lease_s)
        return await self._rows.claim_within(
            job.name, most, at_once=job.at_once, worker=self._name, lease_s=self._lease_s
        )

    def _begin(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            held = Held(claim)
            self._held[held.token] = held
            held.task = asyncio.get_running_loop().create_task(self._run(held), name=f"job {claim.name} {claim.id}")

    # attempts

    async def _run(self, held: Held) -> None:
        outcome = await self._outcome(held, self._jobs[held.claim.name])
        if outcome is None:
            del self._held[held.token]
        else:
            self._outcomes.append(outcome)
        if self._jobs[held.claim.name].is_bounded:
            self._look_at_bounded_at = float("-inf")
        self._work_wakeup.set()

    async def _outcome(self, held: Held, job: Job[Any]) -> Outcome | None:
        """None when there is nothing to be written any more."""
        claim = held.claim
        alarm = self._clock.call_later(job.timeout_s, lambda: held.cancel("late"))
        try:
            if await self._attempt(claim, job):
                self.ended[claim.name, "done"] += 1
                return None
        except asyncio.CancelledError:
            if held.why is None:
                raise
            return self._stopped(claim, job, held.why)
        except Superseded as error:
            log.warning("job %s: %s", claim.name, error)
            return None
        except RetryLater as later:
            return self._failed(claim, job, str(later), after_s=later.after_s)
        except GiveUp as error:
            return self._failed(claim, job, str(error), is_final=True)
        except (StorageError, ActorError, DomainError) as error:
            return self._failed(claim, job, f"{type(error).__name__}: {error}")
        # The named edge of a job: whatever its handler raises is the reason that is kept with it.
        except Exception as error:
            log.exception("job %s %s raised", claim.name, claim.id)
            return self._failed(claim, job, f"{type(error).__name__}: {error}")
        finally:
            alarm.cancel()
        return self._end(claim, "done")

    async def _attempt(self, claim: Claim, job: Job[Any]) -> bool:
        """Whether the handler has committed the end itself."""
        attempt = Attempt(
            claim=claim,
            body=msgspec.convert(claim.body, job.body),
            rows=self._rows,
            monotonic=self._clock.monotonic,
        )
        await job.run(attempt)
        return attempt.is_finished

    def _stopped(self, claim: Claim, job: Job[Any], why: Why) -> Outcome | None:
        if why == "late":
            return self._failed(claim, job, f"it was not done within {job.timeout_s:g} s")
        if why == "cancelled":
            return self._end(claim, "cancelled")
        return None if why == "superseded" else self._end(claim, "queued", is_given_back=True)

    def _failed(
        self, claim: Claim, job: Job[Any], reason: str, *, after_s: float | None = None, is_final: bool = False
    ) -> Outcome:
        is_dead = is_final or claim.tries >= job.tries
        log.warning("job %s %s failed, try %d of %d: %s", job.name, claim.id, claim.tries, job.tries, reason)
        if is_dead:
            return self._end(claim, "dead", reason=reason, successor=self._successor(claim, job))
        pause_s = backoff_s(claim.tries, self._chance()) if after_s is None else after_s
        return self._end(claim, "queued", reason=reason, after_s=pause_s)

    def _successor(self, claim: Claim, job: Job[Any]) -> NewJob | None:
        if job.when_dead is None:
            return None
        new_id = self._ids.uuid7(self._clock.time())
        return NewJob(id=new_id, name=job.when_dead.name, body=msgspec.json.encode(claim.body))

    def _end(self, claim: Claim, state: State, **fields: Any) -> Outcome:
        self.ended[claim.name, state] += 1
        return Outcome(id=claim.id, attempt=claim.attempt, state=state, **fields)

    async def _settle(self) -> None:
        """Write the ends that have gathered; only then are their slots free."""
        if not self._outcomes:
            return
        outcomes = list(self._outcomes)
        await self._rows.settle(outcomes)
        del self._outcomes[: len(outcomes)]
        for outcome in outcomes:
            del self._held[outcome.id, outcome.attempt]

    # leases

    async def _keep(self) -> None:
        await self._renew()
        lost = await self._rows.take_lost(list(self._jobs), self._slots, lease_s=self._lease_s)
        if lost:
            await self._rows.settle([self._failed(claim, self._jobs[claim.name], LOST) for claim in lost])
            self._work_wakeup.set()

    async def _renew(self) -> None:
        held = list(self._held.values())
        if not held:
            return
        standing = await self._rows.renew([one.token for one in held], lease_s=self._lease_s)
        for one in held:
            if one.claim.id not in standing:
                one.cancel("superseded")
            elif standing[one.claim.id]:
                one.cancel("cancelled")


def backoff_s(tries: int, chance: float) -> float:
    """The pause after the given try: 1 s, 2 s, 4 s … an hour, of which the second half is left to chance."""
    longest: float = min(2.0 ** min(tries - 1, 30), MAX_BACKOFF_S)
    return longest * (0.5 + chance / 2)
