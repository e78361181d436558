"""The newest messages of a room, which a socket gets when it joins. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

import msgspec

from actors.chat_messages import RECENT
from actors.events import ChatMessage, DeletedMessage, LoggedMessage


class RecentMessages:
    """The actor adds the messages above ``after`` as they are committed. Those up to it are in the log, which the actor
    reads at the first ``ReadRoom``: a room that has just moved takes posts before that.
    """

    def __init__(self, *, after: int = 0) -> None:
        self.is_whole = after == 0
        self._after = after
        self._messages: deque[LoggedMessage] = deque(maxlen=RECENT)
        self._deleted: dict[str, int] | None = None  # while older ones are being read
        self._gone: set[str] = set()  # authors whose account was deleted meanwhile
        self._names: dict[str, str] = {}  # of authors who were renamed meanwhile

    def add(self, message: LoggedMessage) -> None:
        """The next one, in order of offset."""
        self._messages.append(message)

    def delete(self, message_id: str, offset: int) -> None:
        if self._deleted is not None:
            self._deleted[message_id] = offset
        for index, kept in enumerate(self._messages):
            if kept.id == message_id:
                self._messages[index] = DeletedMessage(id=message_id, offset=offset)

    def forget_author(self, user_id: str) -> None:
        """All that this person wrote is deleted."""
        if self._deleted is not None:
            self._gone.add(user_id)
        self._messages = deque((_without(message, {user_id}) for message in self._messages), maxlen=RECENT)

    def rename(self, user_id: str, display_name: str) -> None:
        """This person is called otherwise, in all that they wrote."""
        if self._deleted is not None:
            self._names[user_id] = display_name
        self._messages = deque((renamed(message, {user_id: display_name}) for message in self._messages), maxlen=RECENT)

    def begin_reading(self) -> None:
        """From here on what is deleted is remembered: the page may have been read before."""
        self._deleted = {}
        self._names = {}
        self._gone = set()

    def complete(self, page: Sequence[LoggedMessage]) -> None:
        """The log's newest, ascending."""
        deleted, self._deleted = self._deleted or {}, None
        gone = [DeletedMessage(id=m.id, offset=m.offset) if m.id in deleted else m for m in page]
        kept = [_without(message, self._gone) for message in gone if message.offset <= self._after]
        older = [renamed(message, self._names) for message in kept]
        self._messages = deque([*older, *self._messages], maxlen=RECENT)
        self.is_whole = True

    def last(self, limit: int) -> list[LoggedMessage]:
        """At most so many, ascending."""
        return list(self._messages)[-limit:] if limit > 0 else []


def renamed(message: LoggedMessage, names: Mapping[str, str]) -> LoggedMessage:
    """The message under its author's name among ``names``, by their id."""
    if not isinstance(message, ChatMessage) or message.user.id not in names:
        return message
    user = msgspec.structs.replace(message.user, display_name=names[message.user.id])
    return msgspec.structs.replace(message, user=user)


def _without(message: LoggedMessage, authors: Collection[str]) -> LoggedMessage:
    if isinstance(message, ChatMessage) and message.user.id in authors:
        return DeletedMessage(id=message.id, offset=message.offset)
    return message
