"""A room's messages in order, each once, without I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

RawMessage = dict[str, Any]

REMEMBERED: Final = 500
"""Ids that are recognised when the server's log begins anew under another epoch."""


class RoomLog:
    """The position (``epoch``, ``offset``) up to which messages were taken.

    While ``is_behind``, events are passed over: what they hold is asked for with ``chat:join`` and ``since``. The
    acknowledgement is to be given to ``caught_up`` in the turn in which it arrives: events follow right behind it.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.offset = 0
        self.is_behind = True
        self._recent: deque[str] = deque(maxlen=REMEMBERED)

    def begin(self, epoch: str, offset: int) -> None:
        """From here on; what lies before is not asked for."""
        self.epoch, self.offset, self.is_behind = epoch, offset, False

    def lost(self) -> None:
        """The connection ended, or the server skipped messages (``chat:gap``)."""
        self.is_behind = True

    def posted(self, epoch: str, messages: Sequence[RawMessage], *, space: int) -> list[RawMessage]:
        """Of ``chat:messages`` those that are new, ``space`` at most. Another epoch, a hole, and more than there is
        space for leave the log behind.
        """
        if self.is_behind:
            return []
        if epoch != self.epoch:
            self.is_behind = True
            return []
        return self._taken([one for one in messages if one["offset"] > self.offset], space, may_skip=False)

    def caught_up(self, answer: dict[str, Any], *, space: int) -> list[RawMessage]:
        """Of the acknowledgement of ``chat:join`` those that are new, ``space`` at most."""
        messages: list[RawMessage] = answer["messages"]
        is_same = answer["epoch"] == self.epoch and answer["recovered"]
        self.is_behind = False
        if is_same:
            fresh = [one for one in messages if one["offset"] > self.offset]
        else:
            fresh = [one for one in messages if one["id"] not in self._recent]
            self.epoch, self.offset = answer["epoch"], 0
        taken = self._taken(fresh, space, may_skip=True)
        if not self.is_behind:
            self.offset = max(self.offset, answer["offset"])
            self.is_behind = bool(answer.get("more"))
        return taken

    def _taken(self, fresh: list[RawMessage], space: int, *, may_skip: bool) -> list[RawMessage]:
        taken: list[RawMessage] = []
        for message in fresh:
            if len(taken) >= space or not (may_skip or message["offset"] == self.offset + 1):
                self.is_behind = True
                break
            self.offset = message["offset"]
            self._recent.append(message["id"])
            taken.append(message)
        return taken
