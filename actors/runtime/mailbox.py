"""What waits in a mailbox, what happens when it is full, and where the refused go."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any, Final, Literal, NamedTuple

import msgspec

from actors.runtime.ids import ActorId
from actors.runtime.message import Message, wire_name

Policy = Literal["refuse", "drop_oldest", "latest"]
"""`refuse`: the sender hears MailboxFull. `drop_oldest`: the longest waiting goes, its asker hears MailboxFull.
`latest`: a told message takes the place of an unread told one of its type; what is left over is refused."""


class Envelope(msgspec.Struct, eq=False):
    """An asked message with its asker's future, which is settled exactly once, by whoever comes first."""

    message: Message
    future: asyncio.Future[Any]
    deadline: float


class Tick:
    """A repeating timer's message. Handled like any other, but does not count as a reason to stay awake."""

    __slots__ = ("is_unread", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.is_unread = False


Mail = Message | Envelope | Tick
Waiting = deque[Mail] | tuple[()]
NO_MAIL: Final[tuple[()]] = ()


def message_of(mail: Mail) -> Message:
    return mail if isinstance(mail, Message) else mail.message


class NotPrompt(Exception):
    """The asked message has no prompt handler."""


def asker_of(mail: Mail) -> asyncio.Future[Any] | None:
    return mail.future if isinstance(mail, Envelope) else None


def answer(future: asyncio.Future[Any] | None, value: object) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def refuse(future: asyncio.Future[Any] | None, error: BaseException) -> None:
    if future is not None and not future.done():
        future.set_exception(error)


class DeadLetter(NamedTuple):
    """A message that nobody handled. `at` is wall clock."""

    at: float
    id: ActorId
    message: str
    reason: str


class DeadLetters:
    """The last `keep` dead letters, and how many there were for each reason."""

    __slots__ = ("counts", "last")

    def __init__(self, *, keep: int) -> None:
        self.last: deque[DeadLetter] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, at: float, actor_id: ActorId, message: str, reason: str) -> None:
        self.counts[reason] += 1
        self.last.append(DeadLetter(at, actor_id, message, reason))


def name_of(mail: Mail) -> str:
    return wire_name(type(message_of(mail)))


def displaced(waiting: deque[Mail], message: Message) -> bool:
    """Takes an unread told message of the same type out, for the policy `latest`. True if there was one."""
    wanted = type(message)
    for index, mail in enumerate(waiting):
        if type(mail) is wanted:
            del waiting[index]
            return True
    return False
