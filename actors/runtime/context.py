"""What one incarnation of an actor sees of the runtime, and all that it owns: timers, tasks, promised answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeVar

from actors.runtime.clock import Clock, Handle
from actors.runtime.directory import Fence
from actors.runtime.envelope import Mail, Tick, refuse
from actors.runtime.errors import ActorError, ActorStopped, DomainError, MailboxFull
from actors.runtime.ids import ActorId, shard_of
from actors.runtime.later import Later
from actors.runtime.message import Message
from actors.runtime.ref import Ref

R = TypeVar("R")
MOST_OWNED: Final = 4096
"""Timers, and tasks, and promised answers that one actor may have open."""


class Host(Protocol):
    """The cell that an incarnation lives in."""

    @property
    def id(self) -> ActorId: ...
    def ref(self, actor_id: ActorId) -> Ref: ...
    def post_own(self, mail: Mail) -> None: ...
    def stop(self) -> None: ...
    def crash(self, error: BaseException) -> None: ...


class Timer:
    """A message to come. `cancel` may be called at any time, more than once."""

    __slots__ = ("_context", "_every_s", "_handle", "_message", "_tick")

    def __init__(self, context: Context, message: Message, every_s: float | None) -> None:
        self._context = context
        self._message = message
        self._every_s = every_s
        self._tick = Tick(message) if every_s is not None else None
        self._handle: Handle | None = None

    @property
    def holds_awake(self) -> bool:
        return self._every_s is None

    def arm(self, after_s: float) -> None:
        self._handle = self._context.clock.call_later(after_s, self._fire)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._context.forget(self)

    def _fire(self) -> None:
        if self._every_s is None:
            self._context.forget(self)
            self._context.post(self._message)
        else:
            self.arm(self._every_s)
            self._post_tick()

    def _post_tick(self) -> None:
        """At most one unread tick a timer, so that a slow actor does not find a heap of them."""
        tick = self._tick
        if tick is not None and not tick.is_unread:
            tick.is_unread = True
            self._context.post(tick)


class Context:
    """Handed to an actor with its activation, void when that ends: a later incarnation has another."""

    __slots__ = ("_cell", "_laters", "_tasks", "_timers", "clock", "epoch", "is_open")

    def __init__(self, cell: Host, *, epoch: int, clock: Clock) -> None:
        self._cell = cell
        self.clock = clock
        self.epoch = epoch
        self.is_open = True
        self._timers: set[Timer] | None = None
        self._tasks: set[asyncio.Task[Any]] | None = None
        self._laters: set[asyncio.Future[Any]] | None = None

    @property
    def id(self) -> ActorId:
        return self._cell.id

    @property
    def fence(self) -> Fence:
        """What each write on the actor's behalf carries."""
        return Fence(shard=shard_of(self._cell.id), epoch=self.epoch)

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """Logs with the actor's id in front."""
        return _Log(logging.getLogger(f"actors.{self.id.kind}"), {"actor": str(self.id)})

    def ref(self, actor_id: ActorId) -> Ref:
        return self._cell.ref(actor_id)

    def later(self) -> Later[Any]:
        """An answer for the handler to return now and give later. ActorStopped answers it if the actor goes first."""
        return Later()

    def timer(self, after_s: float, message: Message) -> Timer:
        """Tells the actor `message` once, after `after_s`. While it waits the actor is not idle."""
        return self._timer(message, after_s, None)

    def every(self, period_s: float, message: Message) -> Timer:
        """Tells the actor `message` each `period_s`. Neither the timer nor these messages keep it from passivation."""
        return self._timer(message, period_s, period_s)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Runs beside the mailbox, owned by the actor: cancelled when it goes, and raising crashes it."""
        if not self.is_open or len(self._tasks or ()) >= MOST_OWNED:
            coroutine.close()
            raise self._too_late("tasks")
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.id} {name}")
        self._tasks = self._tasks if self._tasks is not None else set()
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def stop(self) -> None:
        """Passivates after the current message. Mail that waits starts the actor again."""
        if self.is_open:
            self._cell.stop()

    # What follows is for the cell and the timers, not for the product.

    @property
    def holds_awake(self) -> bool:
        """Whether something is under way that idleness must not cut off."""
        timers = self._timers
        return bool(self._tasks or self._laters or (timers and any(timer.holds_awake for timer in timers)))

    @property
    def owned(self) -> tuple[int, int, int]:
        """How many timers, tasks and promised answers are open."""
        return len(self._timers or ()), len(self._tasks or ()), len(self._laters or ())

    def post(self, mail: Mail) -> None:
        if self.is_open:
            self._cell.post_own(mail)

    def promise(self, later: Later[Any], future: asyncio.Future[Any]) -> None:
        later.bind(future)
        if future.done():
            return
        laters = self._laters = self._laters if self._laters is not None else set()
        if len(laters) >= MOST_OWNED:
            refuse(future, MailboxFull(self.id, "too many answers promised", retry_after_s=1.0))
            return
        laters.add(future)
        future.add_done_callback(laters.discard)

    def forget(self, timer: Timer) -> None:
        if self._timers is not None:
            self._timers.discard(timer)

    def halt(self) -> list[asyncio.Task[Any]]:
        """Cancels timers and tasks, and takes no more; the tasks that have yet to end."""
        self.is_open = False
        for timer in list(self._timers or ()):
            timer.cancel()
        tasks = [task for task in self._tasks or () if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        return tasks

    def close(self, error: ActorError | DomainError) -> None:
        """Ends the incarnation: nothing of it reaches the actor any more, promised answers become `error`."""
        self.halt()
        for future in list(self._laters or ()):
            refuse(future, error)

    def _timer(self, message: Message, after_s: float, every_s: float | None) -> Timer:
        if not self.is_open or len(self._timers or ()) >= MOST_OWNED:
            raise self._too_late("timers")
        timer = Timer(self, message, every_s)
        self._timers = self._timers if self._timers is not None else set()
        self._timers.add(timer)
        timer.arm(after_s)
        return timer

    def _too_late(self, what: str) -> ActorError:
        return MailboxFull(self.id, f"too many {what}") if self.is_open else ActorStopped(self.id)

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self.is_open:
            self._cell.crash(error)
        else:
            self.log.error("%s failed while it was cancelled", task.get_name(), exc_info=error)


class _Log(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        return f"{(self.extra or {}).get('actor')}: {msg}", kwargs
