"""The two verbs: tell and ask."""

from __future__ import annotations

from asyncio import CancelledError, Future
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol, TypeVar, cast

from actors.runtime.clock import Clock
from actors.runtime.deadlines import Bucket, Deadlines
from actors.runtime.envelope import Envelope, Mail, refuse
from actors.runtime.errors import ActorError, ActorStopped, DeadlineExceeded, Lost, Moving
from actors.runtime.ids import ActorId
from actors.runtime.mailbox import Waiting
from actors.runtime.message import Ask, Message
from actors.runtime.turns import Turns

R = TypeVar("R")
AGAIN_S: Final = 0.1
"""Between two askings, where the refusal names no other pause."""


class Addressed(Protocol):
    """A cell, as far as a ref puts mail into it."""

    awake: bool

    @property
    def mail(self) -> Waiting: ...
    @property
    def limit(self) -> int: ...
    @property
    def turns(self) -> Turns: ...
    def withdraw(self, envelope: Envelope) -> None: ...
    def turn(self, now: float, monotonic: Callable[[], float]) -> float: ...


class Asked(Protocol):
    """The node, as far as asks need it."""

    @property
    def clock(self) -> Clock: ...
    @property
    def deadlines(self) -> Deadlines: ...


class Cells(Protocol):
    """The kind of an actor, as far as a ref finds its cell."""

    @property
    def name(self) -> str: ...
    @property
    def node(self) -> Asked: ...
    @property
    def vacant(self) -> Addressed:
        """A cell without room, which sends mail the long way."""

    @property
    def cells(self) -> Mapping[str, Addressed]: ...
    def admit(self, key: str, mail: Mail) -> Addressed: ...


class Ref:
    """An address. Cheap to make and to keep; says nothing about whether the actor is active, or where."""

    __slots__ = ("_cell", "_key", "_kind")

    def __init__(self, kind: Cells, key: str) -> None:
        self._kind = kind
        self._key = key
        self._cell = kind.vacant

    @property
    def id(self) -> ActorId:
        return ActorId(self._kind.name, self._key)

    def __repr__(self) -> str:
        return f"Ref({self.id})"

    def tell(self, message: Message) -> None:
        """Puts the message into the mailbox, at most once; one sender's messages to one actor keep their order
        for as long as its owner stays.

        Raises MailboxFull or Unavailable at once. Of what happens afterwards only the dead letters tell.
        """
        cell = self._cell
        mail = cell.mail
        if len(mail) < cell.limit:
            mail.append(message)  # type: ignore[union-attr]  # only a deque has a limit above nought
            if not cell.awake:
                cell.awake = True
                cell.turns.add(cell)
        else:
            self._cell = self._kind.admit(self._key, message)

    async def ask(self, message: Ask[R], *, timeout_s: float = 5.0) -> R:
        """The handler's answer. While the actor changes its owner, the message is put again within the time left.

        Raises the handler's DomainError, DeadlineExceeded, MailboxFull, Unavailable, ActorStopped (of which
        ActorCrashed is one) or Unhandled. Cancelled or out of time, the message is taken out if still unread.
        """
        deadlines = self._kind.node.deadlines
        envelope, bucket = deadlines.envelope(message, timeout_s)
        future = envelope.future
        try:
            self._put(envelope)
            answer: R = await future
            return answer
        except (CancelledError, DeadlineExceeded) as error:
            self._withdraw(envelope)
            if isinstance(error, DeadlineExceeded) and not error.subject:
                raise DeadlineExceeded(self.id, f"{timeout_s:g} s for {type(message).__name__}") from None
            raise
        except ActorError as error:
            again = self._again(envelope, error)
            if again is None:
                raise
            pause_s, left_s = again
        finally:
            bucket.discard(future)
        await self._kind.node.clock.sleep(pause_s)
        return await self.ask(message, timeout_s=left_s)

    def ask_then(self, message: Ask[R], done: Callable[[Future[R]], None], *, timeout_s: float = 5.0) -> None:
        """As `ask`, for who has something else to do: `done` is called once, on the loop, with the settled future.

        What `ask` raises is in there; nothing is raised here. It takes no task, which for a short answer would cost
        more than all the rest.
        """
        envelope, bucket = self._kind.node.deadlines.envelope(message, timeout_s)
        envelope.future.add_done_callback(partial(self._settled, envelope, bucket, done))
        try:
            self._put(envelope)
        except ActorError as error:
            refuse(envelope.future, error)

    def _settled(
        self, envelope: Envelope, bucket: Bucket, done: Callable[[Future[R]], None], future: Future[R]
    ) -> None:
        bucket.discard(future)
        error = future.exception()
        if isinstance(error, DeadlineExceeded):
            self._withdraw(envelope)
        elif isinstance(error, ActorError) and (again := self._again(envelope, error)) is not None:
            pause_s, left_s = again
            message = cast("Ask[R]", envelope.message)
            put_again = partial(self.ask_then, message, done, timeout_s=left_s)
            self._kind.node.clock.call_later(pause_s, put_again)
            return
        done(future)

    def _put(self, envelope: Envelope) -> None:
        cell = self._cell
        mail = cell.mail
        if len(mail) < cell.limit:
            mail.append(envelope)  # type: ignore[union-attr]
            if not cell.awake:
                cell.awake = True
                cell.turns.add(cell)
        else:
            self._cell = self._kind.admit(self._key, envelope)

    def _again(self, envelope: Envelope, error: ActorError) -> tuple[float, float] | None:
        """After what pause, and within what time, to put it again; None when that is not to be."""
        pause_s = error.retry_after_s or AGAIN_S
        left_s = envelope.deadline - pause_s - self._kind.node.clock.monotonic()
        return (pause_s, left_s) if left_s > 0 and _may_ask_again(envelope.message, error) else None

    def _withdraw(self, envelope: Envelope) -> None:
        future = envelope.future
        if future.done() and not future.cancelled():
            future.exception()  # seen, so that the loop does not report it as lost
        future.cancel()
        cell = self._kind.cells.get(self._key)
        if cell is not None:
            cell.withdraw(envelope)


def _may_ask_again(message: Message, error: ActorError) -> bool:
    """It went nowhere; or its owner went with the answer, and twice is as good as once."""
    went_with_its_owner = isinstance(error, Lost) or type(error) is ActorStopped
    is_repeatable = isinstance(message, Ask) and message.is_repeatable
    return isinstance(error, Moving) or (is_repeatable and went_with_its_owner)
