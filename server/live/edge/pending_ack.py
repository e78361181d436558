"""An acknowledgement that is given later, by a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_NOTHING: Final = object()


class PendingAck:
    """What a handler returns that will know its answer in a later turn of the loop, and needs no task until then.
    `give` or `fail` calls the callback of `when_given`; the first call counts.

    A future would do the same a turn later, for twice the price.
    """

    __slots__ = ("_done", "_error", "_value")

    def __init__(self) -> None:
        self._value: Any = _NOTHING
        self._error: BaseException | None = None
        self._done: Callable[[Any, BaseException | None], None] | None = None

    def give(self, value: Any) -> None:
        """The acknowledgement's payload."""
        if self._value is _NOTHING:
            self._value = value
            self._tell()

    def fail(self, error: BaseException) -> None:
        """There is none: the handler has failed."""
        if self._value is _NOTHING:
            self._value, self._error = None, error
            self._tell()

    def when_given(self, done: Callable[[Any, BaseException | None], None]) -> None:
        """`done` is called once, with the payload or the error; at once if it is there already."""
        self._done = done
        if self._value is not _NOTHING:
            self._tell()

    def _tell(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self._value, self._error)
