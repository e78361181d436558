"""One key's life: activation, turns, crashes, passivation. `cell_state` has the rules."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from actors.runtime.actor import Actor, Handler
from actors.runtime.cell_ports import CellKind
from actors.runtime.cell_state import State
from actors.runtime.context import Context
from actors.runtime.directory import Placement
from actors.runtime.envelope import Mail, NotPrompt, Tick, answer, asker_of, message_of, name_of, refuse
from actors.runtime.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    DeadlineExceeded,
    DomainError,
    Fenced,
    Lost,
    Moving,
    Unavailable,
    Unhandled,
)
from actors.runtime.ids import ActorId
from actors.runtime.later import Later
from actors.runtime.mailbox import NO_MAIL, Mailbox
from actors.runtime.message import Message
from actors.runtime.ref import Ref
from actors.runtime.supervisor import CrashRecord
from actors.runtime.turns import A_TURN, BRISK_S, SLICE_S

log = logging.getLogger(__name__)

ACTIVE: Final = State.ACTIVE
NO_HANDLERS: Final[dict[type, Handler]] = {}
Then = Callable[[Any, BaseException | None], None]


class Cell(Mailbox[CellKind]):
    """A mailbox with a life."""

    __slots__ = (
        "_task",
        "actor",
        "asker",
        "closing",
        "context",
        "crashes",
        "handled",
        "notable_s",
        "parked_reason",
        "prompt",
        "restarts",
        "retry",
        "since",
        "slowest_name",
        "slowest_s",
        "state",
        "stopping",
    )

    def __init__(self, kind: CellKind, key: str, state: State) -> None:
        super().__init__(kind, key)
        self.state = state
        self.closing = False
        self.stopping = False
        self.actor: Actor | None = None
        self.context: Context | None = None
        self.prompt: dict[type, Handler] = NO_HANDLERS
        self.asker: asyncio.Future[Any] | None = None
        self.crashes: CrashRecord | None = None
        self.retry: Any = None
        self._task: asyncio.Task[Any] | None = None
        self.handled = 0
        self.restarts = 0
        self.parked_reason = ""
        self.slowest_s = 0.0
        self.notable_s = 0.0
        self.slowest_name = ""
        self.since = 0.0
        """Monotonic: of the last message when ACTIVE, of the task's start when a task runs, of the parking's end."""

    # Mail in.

    def accept(self, mail: Mail) -> None:
        """Puts mail in, by the kind's policy. Raises MailboxFull or Unavailable, and then it is not in."""
        if self.closing:
            self.kind.node.check_open(self.id)
            raise Moving(self.id, "stopping", retry_after_s=0.1)
        if self.state is State.PARKED:
            self._accept_parked()
        self.put(mail)

    def post_own(self, mail: Mail) -> None:
        """Mail of the actor's own timers. It has no sender, so what is refused becomes a dead letter."""
        try:
            self.accept(mail)
        except ActorError as error:
            self.bury(mail, error.code)

    def _accept_parked(self) -> None:
        left = self.since - self.kind.node.clock.monotonic()
        if left > 0:
            raise Unavailable(self.id, "parked after crashes", retry_after_s=left)
        self.unpark()

    # Activation.

    def begin(self, placement: Placement | None) -> None:
        """Starts, with the placement if it is known. Refs may append from here on."""
        self.awake = True
        if self.closing:
            self.end(ActorStopped(self.id))
        elif placement is None:
            self.state = State.RESOLVING
            self._run(self.kind.node.directory.find(self.id), "resolving", self._found)
        elif placement.node != self.kind.node.name:
            self._forward(placement.node)
        else:
            self._activate(placement.epoch)

    def _begin_again(self) -> None:
        self.retry = None
        self.begin(self.kind.node.directory.cached(self.id))

    def _found(self, placement: Placement, error: BaseException | None) -> None:
        if error is None:
            self.begin(placement)
            return
        retry = error.retry_after_s if isinstance(error, ActorError) else 1.0
        self.end(Unavailable(self.id, "no owner known", retry_after_s=retry))

    def _forward(self, node: str) -> None:
        waiting = self.take_all()
        self.end(ActorStopped(self.id))
        for mail in waiting:
            try:
                self.kind.node.remote.post(node, self.id, mail)
            except ActorError as error:
                self.drop(mail, error)

    def _activate(self, epoch: int) -> None:
        try:
            actor = self.kind.factory(self.id)
        except Exception as error:
            self.crash(error)
            return
        self.context = actor.context = Context(self, epoch=epoch, clock=self.kind.node.clock)
        self.actor = actor
        self.prompt = actor.handlers.prompt
        if type(actor).activate is Actor.activate:
            self._ready(None, None)
        else:
            self.state = State.ACTIVATING
            self._run(actor.activate(), "activating", self._ready)

    def _ready(self, _: Any, error: BaseException | None) -> None:
        if isinstance(error, DomainError | Unavailable):
            # There is no such actor, or what it needs is away: an answer for those who wait, not a crash.
            self.end(error)
            return
        if error is not None:
            self.crash(error)
            return
        now = self.kind.node.clock.monotonic()
        if (observer := self.kind.node.observer) is not None:
            observer.activated(self.id)
        self.since = now
        self._resume()

    def _resume(self) -> None:
        """Back to drawing turns, or on to stopping if that was asked for meanwhile."""
        self.state = State.STOPPING if self.stopping else ACTIVE
        self.awake = True
        self.turns.add(self)

    # Turns.

    def turn(self, now: float, monotonic: Callable[[], float]) -> float:
        """Handles up to BATCH messages or SLICE_S; the time when it ended. In states that draw no turns, nothing."""
        if self.state is ACTIVE:
            if self.mail:
                now = self._draw(now, monotonic)
            if self.state is ACTIVE:
                if self.mail:
                    self.turns.add(self)
                    return now
                if not self.closing:
                    self.awake = False
                    return now
                self._passivate()
        if self.state is State.STOPPING:
            self._passivate()
        return now

    def _draw(self, now: float, monotonic: Callable[[], float]) -> float:
        """The hot loop. Whatever ends the state ACTIVE within a prompt handler must leave `mail` empty: see `stop`."""
        mail: Any = self.mail
        actor, prompt = self.actor, self.prompt
        notable_s = self.notable_s
        take = mail.popleft
        until = now + SLICE_S
        for count in A_TURN:  # noqa: B007  # used after the loop
            item = take()
            try:
                handler = prompt[type(item)]
            except KeyError:
                self._handle_unusual(item)
                if self.state is not ACTIVE:
                    break
            else:
                try:
                    handler(actor, item)
                except (Exception, asyncio.CancelledError) as error:
                    self._raised(item, error)
                    if self.state is not ACTIVE:
                        break
            then = monotonic()
            spent, now = then - now, then
            if spent > notable_s:
                notable_s = self._noted(item, spent)
                if now > until:
                    break
            if not mail:
                break
        self.handled += count
        if self.state is ACTIVE and (count > 1 or type(item) is not Tick):
            self.since = now
        if (observer := self.kind.node.observer) is not None:
            observer.handled(self.kind.name, count)
        return now

    def _noted(self, item: Mail, spent_s: float) -> float:
        """Keeps the slowest message; from how long on the next one is worth this call."""
        if spent_s > self.slowest_s:
            self.slowest_s, self.slowest_name = spent_s, name_of(item)
            self.notable_s = min(spent_s, BRISK_S)
        return self.notable_s

    def _handle_unusual(self, item: Tick | Message) -> None:
        """Ticks, coroutines and what has no handler."""
        if isinstance(item, Tick):
            item.is_unread = False
        message = message_of(item)
        handler = self.prompt.get(type(message))
        if handler is None:
            self._handle_slow(item)
            return
        try:
            handler(self.actor, message)
        except (Exception, asyncio.CancelledError) as error:
            self._raised(item, error)

    def _handle_slow(self, item: Mail) -> None:
        assert self.actor is not None
        message, asker = message_of(item), asker_of(item)
        slow = self.actor.handlers.slow.get(type(message))
        if slow is None:
            self.bury(item, "unhandled")
            refuse(asker, Unhandled(self.id, type(message).__name__))
            return
        self.state = State.BUSY
        self.asker = asker
        self._run(slow(self.actor, message), type(message).__name__, partial(self._slow_ended, item))

    def _raised(self, item: Mail, error: BaseException) -> None:
        asker = asker_of(item)
        if isinstance(error, NotPrompt):
            self._handle_slow(item)
        elif not isinstance(error, DomainError | Unavailable):
            refuse(asker, self._crashed(error))
            self.crash(error)
        elif asker is not None:
            refuse(asker, error)
        else:
            self.bury(item, error.code)

    def _slow_ended(self, item: Mail, value: Any, error: BaseException | None) -> None:
        asker, self.asker = self.asker, None
        now = self.kind.node.clock.monotonic()
        self._noted(item, now - self.since)
        self.since = now
        if error is not None:
            self._raised(item, error)
        elif asker is not None:
            self._give(value, asker)
        if self.state is State.BUSY:
            self._resume()

    def _give(self, value: Any, asker: asyncio.Future[Any]) -> None:
        if isinstance(value, Later) and self.context is not None:
            self.context.promise(value, asker)
        else:
            answer(asker, value)

    # Ends.

    def ref(self, actor_id: ActorId) -> Ref:
        return self.kind.node.ref(actor_id.kind, actor_id.key)

    def stop(self) -> None:
        """Passivates after the message in hand."""
        self.stopping = True
        if self.state is ACTIVE:
            self.state = State.STOPPING
            self._end_turn()
            if not self.awake:
                self.awake = True
                self.turns.add(self)

    def _end_turn(self) -> None:
        """Takes the mail from under a turn in progress, which so ends without a look at the state for each message."""
        if isinstance(self.mail, deque):
            drawn, self.mail = self.mail, self.mail.copy()
            drawn.clear()

    def retire(self) -> None:
        """Takes no more mail, handles what is there, passivates and goes. Cells without an actor go at once."""
        self.closing = True
        self.limit = 0
        if self.actor is None:
            self.end(ActorStopped(self.id))
        elif self.state is ACTIVE and not self.awake:
            self._passivate()

    def is_idle(self, now: float) -> bool:
        """Whether nothing has happened for the kind's `idle_after_s` and nothing is under way."""
        after = self.kind.idle_after_s
        if after is None or self.state is not ACTIVE or self.awake or now - self.since < after:
            return False
        return self.context is not None and not self.context.holds_awake

    def sweep(self, now: float) -> None:
        """Looked at now and then: idle cells passivate, tasks past the kind's patience crash, spare memory goes."""
        if self.is_idle(now):
            self._passivate()
        elif self._task is not None and now - self.since > self.kind.patience_s:
            self._overdue()
        elif self.state is State.PARKED and now >= self.since:
            self.end(ActorStopped(self.id))
        elif self.state is ACTIVE and not self.awake and not self.mail:
            self.mail = NO_MAIL
            self.limit = 0

    def _overdue(self) -> None:
        error = DeadlineExceeded(self.id, f"{self.state.value} for over {self.kind.patience_s:g} s")
        if self.state is State.RESOLVING:
            self._abandon_task()
            self._found(Placement("", 0), Unavailable(self.id, "no owner known", retry_after_s=1.0))
        elif self.state is State.PASSIVATING:
            self._abandon_task()
            self._passivated(None, error)
        else:
            self.crash(error)

    def _passivate(self) -> None:
        actor, context = self.actor, self.context
        assert actor is not None
        assert context is not None
        self.state = State.PASSIVATING
        self.awake = True
        tasks = context.halt()
        if not tasks and type(actor).passivate is Actor.passivate:
            self._passivated(None, None)
        else:
            self._run(_flush(actor, tasks), "passivating", self._passivated)

    def _passivated(self, _: Any, error: BaseException | None) -> None:
        self._drop_actor(ActorStopped(self.id))
        if (observer := self.kind.node.observer) is not None:
            observer.passivated(self.id)
        self.stopping = False
        if error is not None:
            log.error("%s did not write its state back", self.id, exc_info=error)
        if error is not None and not self.closing:
            self.crash(error)
        elif self.mail and not self.closing:
            self._begin_again()
        else:
            self.end(ActorStopped(self.id))

    def crash(self, error: BaseException) -> None:
        """The actor is dropped as it stands. Its mail waits for the next one, unless there is to be none."""
        log.error("%s crashed", self.id, exc_info=error)
        node = self.kind.node
        if node.observer is not None:
            node.observer.crashed(self.id, error)
        self._abandon_task()
        self._drop_actor(self._crashed(error))
        self.stopping = False
        self.crashes = self.crashes or CrashRecord(self.kind.restarts)
        delay = self.crashes.add(node.clock.monotonic())
        if isinstance(error, Fenced):
            node.directory.invalidate(self.id)
            self.end(self._crashed(error))
        elif self.closing:
            self.end(ActorStopped(self.id))
        elif delay is None:
            self._park(error)
        else:
            self.state = State.BACKOFF
            self.awake = True
            self.restarts += 1
            self.retry = node.clock.call_later(delay, self._begin_again)

    def _park(self, error: BaseException) -> None:
        cooldown = self.kind.restarts.cooldown_s
        self.state = State.PARKED
        self.limit = 0
        self.crashes = None
        self.since = self.kind.node.clock.monotonic() + cooldown
        self.parked_reason = f"{type(error).__name__}: {error}"
        if (observer := self.kind.node.observer) is not None:
            observer.parked(self.id)
        self.refuse_all(Unavailable(self.id, "parked after crashes", retry_after_s=cooldown))

    def unpark(self) -> None:
        """Lets a parked actor start again, now."""
        if self.state is State.PARKED:
            self.state = State.RESOLVING
            self.waiting()
            self._begin_again()

    def end(self, error: ActorError | DomainError) -> None:
        """Goes for good. Asks that still wait end with `error`."""
        if self.state is State.GONE:
            return
        self.state = State.GONE
        self.limit = 0
        if self.retry is not None:
            self.retry.cancel()
        self._abandon_task()
        self._drop_actor(error)
        self.kind.remove(self)
        self.refuse_all(error)

    def _drop_actor(self, error: ActorError | DomainError) -> None:
        refuse(self.asker, error)
        self.asker = None
        context, self.context, self.actor, self.prompt = self.context, None, None, NO_HANDLERS
        if context is not None:
            context.close(error)

    def _crashed(self, error: BaseException) -> ActorError:
        if isinstance(error, Fenced):
            return Lost(self.id, "moved", retry_after_s=0.1)
        return ActorCrashed(self.id, type(error).__name__)

    # The one task that a cell may have: resolving, activating, an async handler or passivating.

    def _run(self, coroutine: Coroutine[Any, Any, Any], doing: str, then: Then) -> None:
        node = self.kind.node
        self.since = node.clock.monotonic()
        self._task = node.loop.create_task(coroutine, name=f"{self.id} {doing}")
        self._task.add_done_callback(partial(self._ended, then))

    def _ended(self, then: Then, task: asyncio.Task[Any]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if task is self._task:
            self._task = None
            then(None if error is not None else task.result(), error)

    def _abandon_task(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()


async def _flush(actor: Actor, tasks: list[asyncio.Task[Any]]) -> None:
    """Passivation, after the actor's own tasks are over, so that nothing of it writes at the same time."""
    if tasks:
        await asyncio.wait(tasks)
    await actor.passivate()
