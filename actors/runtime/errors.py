"""What can go wrong between an asker and an actor.

Two families. `DomainError` is an answer: a handler raises it, the asker receives it, the actor lives on. `ActorError`
means that there was no answer; its class tells why, and `retry_after_s` when trying again makes sense.
"""

from __future__ import annotations


class DomainError(Exception):
    """A handler's refusal. Crosses nodes with all its fields, but as this class itself, so branch on `code`."""

    def __init__(
        self, code: str, message: str = "", *, retry_after_s: float | None = None, field: str | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.field = field

    def __str__(self) -> str:
        return self.message or self.code


class ActorError(Exception):
    """No answer. `subject` is the actor or node concerned, `reason` a few words, `code` the class on the wire."""

    code = "actor_error"
    sentence = "failed"

    def __init__(self, subject: object, reason: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(subject, reason)
        self.subject = str(subject)
        self.reason = reason
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        sentence = f"{self.subject} {self.sentence}"
        return f"{sentence}: {self.reason}" if self.reason else sentence


class MailboxFull(ActorError):
    """The message was refused, or was pushed out by newer ones, because the mailbox is at its bound."""

    code = "mailbox_full"
    sentence = "has a full mailbox"


class DeadlineExceeded(ActorError):
    """The answer did not come in time. The message may have been handled, or may still be."""

    code = "deadline_exceeded"
    sentence = "did not answer in time"


class ActorStopped(ActorError):
    """The actor went before it answered."""

    code = "actor_stopped"
    sentence = "stopped before it answered"


class ActorCrashed(ActorStopped):
    """A handler or a task of the actor raised something that was not a DomainError."""

    code = "actor_crashed"
    sentence = "crashed"


class Unavailable(ActorError):
    """Nobody can take the message now: parked, moving, node stopping or out of reach, or what the actor needs is away.

    From a handler it is an answer, as DomainError is: the actor lives on. What it began to write may be written.
    """

    code = "unavailable"
    sentence = "is unavailable"


class Moving(Unavailable):
    """The actor changes its owner, and the message went nowhere: an ask is put again within its deadline."""

    code = "moving"
    sentence = "is between two owners"


class Lost(Unavailable):
    """The owner went before it answered. The message may have been handled, and what it began to write be written."""

    code = "lost"
    sentence = "lost its owner"


class Unhandled(ActorError):
    """The actor has no handler for this message."""

    code = "unhandled"
    sentence = "does not know the message"


class Fenced(ActorError):
    """A write was refused because a newer epoch exists. Raised in a handler it drops the actor, with no flush."""

    code = "fenced"
    sentence = "is owned elsewhere"


class UnknownKind(ActorError):
    """The kind was not registered on this node."""

    code = "unknown_kind"
    sentence = "is not registered"


def by_code() -> dict[str, type[ActorError]]:
    """The classes that may cross the wire."""
    crossing = (MailboxFull, DeadlineExceeded, ActorStopped, ActorCrashed, Unavailable, Moving, Lost, Unhandled)
    return {error.code: error for error in crossing}
