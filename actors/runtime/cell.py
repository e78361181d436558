"""One key's life: activation, crashes, passivation. `cell_state` has the rules."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.cell_ports import CellKind
from actors.runtime.cell_state import State
from actors.runtime.context import Context
from actors.runtime.directory import Placement
from actors.runtime.envelope import Mail, refuse
from actors.runtime.errors import (
    ActorError,
    ActorStopped,
    DeadlineExceeded,
    DomainError,
    Fenced,
    Moving,
    Unavailable,
)
from actors.runtime.handling import ACTIVE, NO_HANDLERS, HandlingMailbox
from actors.runtime.ids import ActorId
from actors.runtime.mailbox import NO_MAIL
from actors.runtime.ref import Ref
from actors.runtime.supervisor import CrashRecord

log = logging.getLogger(__name__)


class Cell(HandlingMailbox):
    """A mailbox with a life."""

    __slots__ = ("crashes", "parked_reason", "restarts", "retry")

    def __init__(self, kind: CellKind, key: str, state: State) -> None:
        super().__init__(kind, key, state)
        self.crashes: CrashRecord | None = None
        self.retry: Any = None
        self.restarts = 0
        self.parked_reason = ""

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


async def _flush(actor: Actor, tasks: list[asyncio.Task[Any]]) -> None:
    """Passivation, after the actor's own tasks are over, so that nothing of it writes at the same time."""
    if tasks:
        await asyncio.wait(tasks)
    await actor.passivate()
