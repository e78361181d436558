"""Codec workers, one after another, for one thing to be made, and the units that wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from media.errors import MediaError
from media.transcode.backlog import Backlog
from media.transcode.child import Child, SlowStartError
from media.transcode.messages import DecodeUnits, Made, Order, WorkerAnswer
from media.transcode.patience import Backoff, Patience
from media.unit import Unit

WATCH_S = 1.0

log = logging.getLogger("media.transcode")

Hire = Callable[[], Awaitable[Child]]
Release = Callable[[Child, str], None]


class Employment:
    """Has a worker from ``start`` to ``close``, or until ``fail`` was called with the reason.

    ``begin`` is called, synchronously, when a worker is there and gets its orders from ``send``; ``receive`` takes what
    it answers. What it keeps up with of ``put`` is handed over by ``give``; the rest waits, and is dropped as
    ``Backlog`` says. A worker that is hung is ended and one that is slow is not; see ``media.transcode.patience``.
    After five that crashed within a minute, or if there may be none, it fails.
    """

    def __init__(
        self,
        *,
        name: str,
        hire: Hire,
        release: Release,
        begin: Callable[[], None],
        receive: Callable[[WorkerAnswer], None],
        fail: Callable[[str], None],
        is_busy: Callable[[], bool] | None = None,
    ) -> None:
        """``is_busy``: whether the worker has something to answer, where that is not the units of ``give``; who
        gets the answers says ``progressed`` then."""
        self._name = name
        self._hire = hire
        self._release = release
        self._begin = begin
        self._receive = receive
        self._fail = fail
        self._backlog = Backlog()
        self._is_busy = is_busy or (lambda: bool(self._backlog.under_way))
        self._backoff = Backoff()
        self._child: Child | None = None
        self._work: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(now=self._loop.time())

    @property
    def is_at_work(self) -> bool:
        """Whether there is a worker."""
        return self._child is not None

    @property
    def dropped(self) -> int:
        """Units that no worker has made anything of."""
        return self._backlog.dropped

    def start(self) -> None:
        """Have a worker from now on. Idempotent."""
        if self._work is None:
            self._work = self._loop.create_task(self._employ(), name=f"bridge {self._name}")
            self._work.add_done_callback(self._worked)

    def close(self) -> None:
        """End the worker; what is under way is lost. Idempotent."""
        if self._work is not None and self._work is not asyncio.current_task():
            self._work.cancel()
        self._dismiss()

    def send(self, order: Order) -> None:
        """Lost while there is no worker."""
        if self._child is not None:
            self._child.send(order)

    def put(self, unit: Unit) -> None:
        """A unit for the worker, handed over by the next ``give``."""
        self._backlog.put(unit)

    def give(self) -> None:
        """Hand over what waits, as far as the worker keeps up."""
        if self._child is None:
            return
        if not self._backlog.under_way:
            self._patience.progressed(self._loop.time())
        units = self._backlog.give()
        if units:
            self._child.send(DecodeUnits(units))

    def clear(self) -> None:
        """What waits is of no use any more."""
        self._backlog.clear()

    def answered(self, made: Made) -> None:
        """The worker has answered for units of the running job."""
        self._backlog.answered(made.fed)
        self.progressed()

    def progressed(self) -> None:
        """The worker has answered."""
        self._patience.progressed(self._loop.time())
        self._backoff.went_well()

    async def _employ(self) -> None:
        """Workers, one after another, until it is closed or of no use."""
        pause_s: float | None = 0.0
        try:
            while pause_s is not None:
                await asyncio.sleep(pause_s)
                pause_s = await self._employ_one()
            self._fail("it cannot be converted: its codec fails again and again")
        except MediaError as error:
            log.error("%s: %s", self._name, error)
            self._fail(f"it cannot be converted: {error}")

    async def _employ_one(self) -> float | None:
        """Use one worker for as long as it lives: the pause before the next one, None when there shall be none."""
        try:
            child = await self._hire()
        except SlowStartError as error:
            pause_s: float | None = self._backoff.overloaded()
            log.warning("%s: %s; the next one is tried in %.0f s", self._name, error, pause_s)
            return pause_s
        was_hung = await self._serve(child)
        pause_s = self._backoff.overloaded() if was_hung else self._backoff.crashed(self._loop.time())
        log.warning("%s: a codec worker is gone, what it makes has a gap", self._name)
        return pause_s

    def _worked(self, work: asyncio.Task[None]) -> None:
        """Nothing but a cancellation ends the work of what is open."""
        if not work.cancelled() and (error := work.exception()) is not None:
            log.error("%s: the bridge failed", self._name, exc_info=error)
            self._fail("it cannot be converted: an internal error")

    async def _serve(self, child: Child) -> bool:
        """Use this worker until it is gone or hung: whether it was hung."""
        self._child, child.task = child, self._name
        self._patience.progressed(self._loop.time())
        child.attach(self._receive, on_gone=self._dismiss)
        verdict = ""
        try:
            self._begin()
            self.give()
            while not child.gone.is_set() and not (verdict := self._verdict(child)):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(child.gone.wait(), timeout=WATCH_S)
        finally:
            self._dismiss(hung=verdict)
        return bool(verdict)

    def _verdict(self, child: Child) -> str:
        if not self._is_busy():
            return ""
        return self._patience.verdict(self._loop.time(), child.vitals())

    def _dismiss(self, hung: str = "") -> None:
        child, self._child = self._child, None
        if child is not None:
            self._backlog.lose()
            self._release(child, hung)
