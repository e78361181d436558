"""One key's mailbox and life: activation, turns, crashes, passivation.

The rules, state by state; mail is kept, in order, through all but the last two:

    RESOLVING    the directory is asked        → ACTIVATING, forwarded elsewhere, or GONE
    ACTIVATING   `activate` runs               → ACTIVE, GONE when it refuses, or crashed
    ACTIVE       turns are drawn               → BUSY, STOPPING, PASSIVATING, or crashed
    BUSY         an async handler runs         → ACTIVE, STOPPING, or crashed
    STOPPING     after the message in hand     → PASSIVATING
    PASSIVATING  `passivate` runs              → GONE, or RESOLVING if mail came meanwhile
    BACKOFF      crashed, restart to come      → RESOLVING
    PARKED       given up, refuses mail        → RESOLVING after the cool-down, or GONE
    GONE         not in its kind any more; a ref that still has it looks again

A crash leads to BACKOFF, or to PARKED past the restart budget, or to GONE when fenced or the node is stopping.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.runtime.actor import Actor, Handler
from actors.runtime.context import Context
from actors.runtime.directory import Placement
from actors.runtime.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    DeadlineExceeded,
    DomainError,
    Fenced,
    Lost,
    MailboxFull,
    Moving,
    Unavailable,
    Unhandled,
)
from actors.runtime.ids import ActorId
from actors.runtime.later import Later
from actors.runtime.mailbox import (
    NO_MAIL,
    Envelope,
    Mail,
    NotPrompt,
    Tick,
    Waiting,
    answer,
    asker_of,
    displaced,
    message_of,
    name_of,
    refuse,
)
from actors.runtime.message import Message
from actors.runtime.supervisor import CrashRecord
from actors.runtime.turns import A_TURN, BRISK_S, SLICE_S

if TYPE_CHECKING:
    from actors.runtime.kind import Kind
    from actors.runtime.turns import Turns

log = logging.getLogger(__name__)


class State(Enum):
    RESOLVING = "resolving"
    ACTIVATING = "activating"
    ACTIVE = "active"
    BUSY = "busy"
    STOPPING = "stopping"
    PASSIVATING = "passivating"
    BACKOFF = "backing off"
    PARKED = "parked"
    GONE = "gone"


ACTIVE: Final = State.ACTIVE
NO_HANDLERS: Final[dict[type, Handler]] = {}
Then = Callable[[Any, BaseException | None], None]


class Cell:
    """`limit` is the length of mail up to which a ref may append by itself; 0 sends it the long way, to `accept`.

    `awake` says that appending needs no scheduling: a turn is due, or the state draws no turns.
    """

    __slots__ = (
        "_task",
        "actor",
        "asker",
        "awake",
        "closing",
        "context",
        "crashes",
        "handled",
        "key",
        "kind",
        "limit",
        "mail",
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
        "turns",
    )

    def __init__(self, kind: Kind, key: str, state: State) -> None:
        self.kind = kind
        self.key = key
        self.state = state
        self.turns: Turns = kind.turns
        self.mail: Waiting = NO_MAIL
        self.limit = 0
        self.awake = True
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

    @property
    def id(self) -> ActorId:
        return ActorId(self.kind.name, self.key)

    # Mail in.

    def accept(self, mail: Mail) -> None:
        """Puts mail in, by the kind's policy. Raises MailboxFull or Unavailable, and then it is not in."""
        if self.closing:
            self.kind.node.check_open(self.id)
            raise Moving(self.id, "stopping", retry_after_s=0.1)
        if self.state is State.PARKED:
            self._accept_parked()
        waiting = self._waiting()
        policy = self.kind.policy
        if policy == "latest" and isinstance(mail, Message) and displaced(waiting, mail):
            self._dead(mail, "displaced")
        elif len(waiting) >= self.kind.capacity:
            if policy != "drop_oldest":
                raise MailboxFull(self.id, f"{len(waiting)} unread", retry_after_s=0.5)
            self._drop(waiting.popleft(), MailboxFull(self.id, "pushed out by newer messages", retry_after_s=0.5))
        waiting.append(mail)
        if not self.awake:
            self.awake = True
            self.turns.add(self)

    def post_own(self, mail: Mail) -> None:
        """Mail of the actor's own timers: nobody is there to hear a refusal, so it becomes a dead letter."""
        try:
            self.accept(mail)
        except ActorError as error:
            self._dead(mail, error.code)

    def withdraw(self, envelope: Envelope) -> None:
        """Takes an unread ask out. Asks mostly run out in the order in which they came, so it is found early."""
        if isinstance(self.mail, deque):
            for index, mail in enumerate(self.mail):
                if mail is envelope:
                    del self.mail[index]
                    return

    def _waiting(self) -> deque[Mail]:
        if isinstance(self.mail, deque):
            return self.mail
        waiting: deque[Mail] = deque()
        self.mail = waiting
        self.limit = 0 if self.kind.policy == "latest" else self.kind.capacity
        return waiting

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
        waiting, self.mail = self.mail, NO_MAIL
        self.end(ActorStopped(self.id))
        for mail in waiting:
            try:
                self.kind.node.remote.post(node, self.id, mail)
            except ActorError as error:
                self._drop(mail, error)

    def _activate(self, epoch: int) -> None:
        try:
            actor = self.kind.factory(self.id)
        except Exception as error:
            self.crash(error)
            return
        self.context = actor.context = Context(self, epoch)
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
            self._dead(item, "unhandled")
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
            self._dead(item, error.code)

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
        self._refuse_all(Unavailable(self.id, "parked after crashes", retry_after_s=cooldown))

    def unpark(self) -> None:
        """Lets a parked actor start again, now."""
        if self.state is State.PARKED:
            self.state = State.RESOLVING
            self._waiting()
            self._begin_again()

    def end(self, error: ActorError | DomainError) -> None:
        """Goes for good. Whoever still waits hears `error`."""
        if self.state is State.GONE:
            return
        self.state = State.GONE
        self.limit = 0
        if self.retry is not None:
            self.retry.cancel()
        self._abandon_task()
        self._drop_actor(error)
        self.kind.remove(self)
        self._refuse_all(error)

    def _drop_actor(self, error: ActorError | DomainError) -> None:
        refuse(self.asker, error)
        self.asker = None
        context, self.context, self.actor, self.prompt = self.context, None, None, NO_HANDLERS
        if context is not None:
            context.close(error)

    def _refuse_all(self, error: ActorError | DomainError) -> None:
        waiting, self.mail = self.mail, NO_MAIL
        for mail in waiting:
            self._drop(mail, error)

    def _drop(self, mail: Mail, error: ActorError | DomainError) -> None:
        if isinstance(mail, Envelope):
            refuse(mail.future, error)
        else:
            self._dead(mail, error.code)

    def _dead(self, mail: Mail, reason: str) -> None:
        if isinstance(mail, Tick):
            mail.is_unread = False
        self.kind.node.bury(self.id, name_of(mail), reason)

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
