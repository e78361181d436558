"""What a product subclasses: an actor and its handlers."""

from __future__ import annotations

import inspect
from asyncio import InvalidStateError
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Generic, TypeVar, overload

from actors.runtime.context import Context
from actors.runtime.envelope import Envelope, NotPrompt
from actors.runtime.later import Later
from actors.runtime.message import Ask, Message, wire_name

R = TypeVar("R")
S = TypeVar("S")
M = TypeVar("M", bound=Message)
T = TypeVar("T", bound=Coroutine[Any, Any, None] | None)
Handler = Callable[[Any, Any], Any]


class _Answers(Generic[R]):
    """The decorator of an Ask's handler: what the method gives must be what the Ask promises."""

    __slots__ = ("_mark",)

    def __init__(self, mark: Callable[[Handler], None]) -> None:
        self._mark = mark

    @overload
    def __call__(
        self, method: Callable[[S, M], Coroutine[Any, Any, R]]
    ) -> Callable[[S, M], Coroutine[Any, Any, R]]: ...
    @overload
    def __call__(self, method: Callable[[S, M], Later[R]]) -> Callable[[S, M], Later[R]]: ...
    @overload
    def __call__(self, method: Callable[[S, M], R]) -> Callable[[S, M], R]: ...
    @overload
    def __call__(self, method: Callable[[S, M], R | Later[R]]) -> Callable[[S, M], R | Later[R]]: ...
    def __call__(self, method: Handler) -> Handler:
        self._mark(method)
        return method


class _Hears(Generic[M]):
    """The decorator of a told message's handler."""

    __slots__ = ("_mark",)

    def __init__(self, mark: Callable[[Handler], None]) -> None:
        self._mark = mark

    def __call__(self, method: Callable[[S, M], T]) -> Callable[[S, M], T]:
        self._mark(method)
        return method


@overload
def handles(message: type[Ask[R]]) -> _Answers[R]: ...  # type: ignore[overload-overlap]  # an Ask is a Message too
@overload
def handles(message: type[M]) -> _Hears[M]: ...
def handles(message: Any) -> Any:
    """Marks a method as the handler of exactly this message type.

    A `def` gives the answer, or a Later, and runs within the mailbox's turn, so it must be short. An `async def` gives
    the answer when it ends; the mailbox waits for it.
    """

    def mark(method: Handler) -> None:
        method.__handles__ = message  # type: ignore[attr-defined]

    return _Answers[Any](mark)


def _answering(prompt: Mapping[type, Handler]) -> Handler:
    """The handler of every ask of a class: has the asked message handled and gives the answer."""
    handler_of = prompt.get

    def answer(actor: Actor, envelope: Envelope) -> None:
        asker, message = envelope.future, envelope.message
        if asker.done():
            return
        handler = handler_of(type(message))
        if handler is None:
            raise NotPrompt
        value = handler(actor, message)
        if value.__class__ is Later:
            actor.context.promise(value, asker)
        else:
            try:
                asker.set_result(value)
            except InvalidStateError:
                return  # the handler itself cancelled its asker

    return answer


class Handlers:
    """The handlers of one actor class: `prompt` answer at once, `slow` are coroutines, `names` are the wire's."""

    __slots__ = ("names", "prompt", "slow")

    def __init__(self, methods: Mapping[type[Message], Handler]) -> None:
        self.prompt: dict[type, Handler] = {}
        self.prompt.update((message, fn) for message, fn in methods.items() if not inspect.iscoroutinefunction(fn))
        self.prompt[Envelope] = _answering(self.prompt)
        self.slow = {message: fn for message, fn in methods.items() if inspect.iscoroutinefunction(fn)}
        self.names = {wire_name(message): message for message in methods}
        if len(self.names) != len(methods):
            raise TypeError("two messages of one actor have the same wire name")


def _collect(cls: type[Actor]) -> Handlers:
    methods: dict[type[Message], Handler] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            message = getattr(value, "__handles__", None)
            if message is not None:
                methods[message] = getattr(cls, name)
    return Handlers(methods)


class Actor:
    """One key's state, touched by one message at a time.

    The constructor is the product's own and only takes values. `context` is there from `activate` on.
    """

    __slots__ = ("__dict__", "__weakref__", "context")
    handlers: ClassVar[Handlers] = Handlers({})

    context: Context

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.handlers = _collect(cls)

    async def activate(self) -> None:
        """Restores state before the first message.

        DomainError (there is no such thing) and Unavailable (what it is kept in is away) answer the asks that wait, and
        the next message tries again. Raising anything else counts as a crash.
        """

    async def passivate(self) -> None:
        """Writes state back when idle, drained or stopped. Not called after a crash."""
