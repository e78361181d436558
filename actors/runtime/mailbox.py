"""The unread mail of one actor, and what happens when there is too much of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Literal, Protocol, TypeVar

from actors.runtime.envelope import Envelope, Mail, Tick, name_of, refuse
from actors.runtime.errors import ActorError, DomainError, MailboxFull
from actors.runtime.ids import ActorId
from actors.runtime.message import Message
from actors.runtime.turns import Turns

Policy = Literal["refuse", "drop_oldest", "latest"]
"""`refuse`: the sender gets MailboxFull. `drop_oldest`: the longest waiting goes, its asker gets MailboxFull.
`latest`: a told message takes the place of an unread told one of its type; what is left over is refused."""

Waiting = deque[Mail] | tuple[()]
NO_MAIL: Final[tuple[()]] = ()


class LastResort(Protocol):
    """The node, as far as it notes dead letters."""

    def bury(self, actor_id: ActorId, message: str, reason: str) -> None: ...


class Bounds(Protocol):
    """The kind of an actor, as far as it bounds a mailbox."""

    @property
    def name(self) -> str: ...
    @property
    def capacity(self) -> int: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def node(self) -> LastResort: ...


K = TypeVar("K", bound=Bounds)


class Mailbox(ABC, Generic[K]):
    """`limit` is the length of mail up to which a ref may append by itself; 0 sends it the long way, to `put`.

    `awake` says that appending needs no scheduling: a turn is due, or the state draws no turns. The cell, which draws
    the mail, is a mailbox and has none: a node may hold a million of them.
    """

    __slots__ = ("awake", "key", "kind", "limit", "mail", "turns")

    def __init__(self, kind: K, key: str) -> None:
        self.kind = kind
        self.key = key
        self.turns = kind.turns
        self.mail: Waiting = NO_MAIL
        self.limit = 0
        self.awake = True

    @property
    def id(self) -> ActorId:
        return ActorId(self.kind.name, self.key)

    def put(self, mail: Mail) -> None:
        """Puts mail in, by the kind's policy. Raises MailboxFull, and then it is not in."""
        waiting = self.waiting()
        policy = self.kind.policy
        if policy == "latest" and isinstance(mail, Message) and displaced(waiting, mail):
            self.bury(mail, "displaced")
        elif len(waiting) >= self.kind.capacity:
            if policy != "drop_oldest":
                raise MailboxFull(self.id, f"{len(waiting)} unread", retry_after_s=0.5)
            self.drop(waiting.popleft(), MailboxFull(self.id, "pushed out by newer messages", retry_after_s=0.5))
        waiting.append(mail)
        if not self.awake:
            self.awake = True
            self.turns.add(self)

    def waiting(self) -> deque[Mail]:
        """The unread mail, as a queue that may be appended to."""
        if isinstance(self.mail, deque):
            return self.mail
        waiting: deque[Mail] = deque()
        self.mail = waiting
        self.limit = 0 if self.kind.policy == "latest" else self.kind.capacity
        return waiting

    def withdraw(self, envelope: Envelope) -> None:
        """Takes an unread ask out. Asks mostly run out in the order in which they came, so it is found early."""
        if isinstance(self.mail, deque):
            for index, mail in enumerate(self.mail):
                if mail is envelope:
                    del self.mail[index]
                    return

    def take_all(self) -> Waiting:
        waiting, self.mail = self.mail, NO_MAIL
        return waiting

    def refuse_all(self, error: ActorError | DomainError) -> None:
        """Answers every unread ask with `error`; told messages become dead letters."""
        for mail in self.take_all():
            self.drop(mail, error)

    def drop(self, mail: Mail, error: ActorError | DomainError) -> None:
        if isinstance(mail, Envelope):
            refuse(mail.future, error)
        else:
            self.bury(mail, error.code)

    def bury(self, mail: Mail, reason: str) -> None:
        if isinstance(mail, Tick):
            mail.is_unread = False
        self.kind.node.bury(self.id, name_of(mail), reason)

    @abstractmethod
    def turn(self, now: float, monotonic: Callable[[], float]) -> float:
        """As `turns.Drawn.turn`."""


def displaced(waiting: deque[Mail], message: Message) -> bool:
    """Takes an unread told message of the same type out, for the policy `latest`. True if there was one."""
    wanted = type(message)
    for index, mail in enumerate(waiting):
        if type(mail) is wanted:
            del waiting[index]
            return True
    return False
