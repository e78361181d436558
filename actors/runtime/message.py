"""The two kinds of messages, told and asked, and their names on the wire."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import msgspec

R = TypeVar("R")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A told message: its sender does not wait for an answer."""


class Ask(Message, Generic[R], frozen=True, kw_only=True):
    """Asked: answered by an R. Subclass as `class Total(Ask[int], frozen=True)`, so that mypy and the wire know R.

    `is_repeatable`: handled twice it does what it does handled once, so it is asked again when its answer was lost.
    """

    is_repeatable: ClassVar[bool] = False


def wire_name(message: type[Message]) -> str:
    """The struct's tag if it has a textual one, else the class name. Unique among the messages of one actor class."""
    tag = message.__struct_config__.tag
    return tag if isinstance(tag, str) else message.__name__


def reply_type(message: type[Message]) -> Any:
    """The R of an Ask subclass; Any where the class leaves it open."""
    for cls in message.__mro__:
        for base in cls.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Ask:
                (answer,) = get_args(base)
                return Any if isinstance(answer, TypeVar) else answer
    return Any
