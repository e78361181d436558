"""How an actor's mail is handled: turn by turn, a prompt handler within the turn, an async one in a task."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from actors.runtime.actor import Actor, Handler
from actors.runtime.cell_ports import CellKind
from actors.runtime.cell_state import State
from actors.runtime.context import Context
from actors.runtime.envelope import Mail, NotPrompt, Tick, answer, asker_of, message_of, name_of, refuse
from actors.runtime.errors import ActorCrashed, ActorError, DomainError, Fenced, Lost, Unavailable, Unhandled
from actors.runtime.later import Later
from actors.runtime.mailbox import Mailbox
from actors.runtime.message import Message
from actors.runtime.turns import A_TURN, BRISK_S, SLICE_S

ACTIVE: Final = State.ACTIVE
NO_HANDLERS: Final[dict[type, Handler]] = {}
Then = Callable[[Any, BaseException | None], None]


class HandlingMailbox(Mailbox[CellKind]):
    """A mailbox with the actor that handles what is in it, and with the one task that it may have.

    The cell, which is one, decides when there is an actor: it sets `actor`, `context` and `prompt` together.
    """

    __slots__ = (
        "_task",
        "actor",
        "asker",
        "closing",
        "context",
        "handled",
        "notable_s",
        "prompt",
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
        self._task: asyncio.Task[Any] | None = None
        self.handled = 0
        self.slowest_s = 0.0
        self.notable_s = 0.0
        self.slowest_name = ""
        self.since = 0.0
        """Monotonic: of the last message when ACTIVE, of the task's start when a task runs, of the parking's end."""

    @abstractmethod
    def crash(self, error: BaseException) -> None:
        """The actor is dropped as it stands."""

    @abstractmethod
    def _passivate(self) -> None:
        """The actor writes its state back, and goes."""

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

    def _resume(self) -> None:
        """Back to drawing turns, or on to stopping if that was asked for meanwhile."""
        self.state = State.STOPPING if self.stopping else ACTIVE
        self.awake = True
        self.turns.add(self)

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
