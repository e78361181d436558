"""What can lie in a mailbox: a told message, an ask with its asker, a tick of a timer."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from actors.runtime.message import Message, wire_name


class Envelope(msgspec.Struct, eq=False):
    """An asked message with its asker's future, which is settled once: by the answer, an error or the deadline."""

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


def name_of(mail: Mail) -> str:
    return wire_name(type(message_of(mail)))
