"""The newest messages of a room, which a socket gets when it joins. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

import msgspec

from actors.chat_messages import RECENT
from actors.chat_rules import SUBSCRIBER_MONTHS, RoomRole
from actors.events import ChatMessage, DeletedMessage, LoggedMessage

BADGES = (
    *("owner", "moderator", "vip", "admin", "subscriber"),
    *(f"subscriber_{months}" for months in SUBSCRIBER_MONTHS),
    "follower",
)


class RecentMessages:
    """The actor adds the messages above ``after`` as they are committed. Those up to it are in the log, which the actor
    reads at the first ``ReadRoom``: a room that has just moved takes posts before that.
    """

    def __init__(self, *, after: int = 0) -> None:
        self.is_whole = after == 0
        self._after = after
        self._messages: deque[LoggedMessage] = deque(maxlen=RECENT)
        self._deleted: dict[str, int] | None = None  # while older ones are being read
        self._gone: set[str] = set()  # authors all of whose messages were deleted meanwhile
        self._cleared_to = 0
        self._changed: dict[str, LoggedMessage] = {}  # meanwhile
        self._names: dict[str, str] = {}  # of authors who were renamed meanwhile
        self._roles: dict[str, RoomRole | None] = {}  # of authors who got another one meanwhile

    def add(self, message: LoggedMessage) -> None:
        """The next one, in order of offset."""
        self._messages.append(message)

    def delete(self, message_id: str, offset: int) -> None:
        if self._deleted is not None:
            self._deleted[message_id] = offset
        for index, kept in enumerate(self._messages):
            if kept.id == message_id:
                self._messages[index] = DeletedMessage(id=message_id, offset=offset)

    def restore(self, message: ChatMessage) -> None:
        """This message is deleted no longer."""
        if self._deleted is not None:
            self._deleted.pop(message.id, None)
            self._changed[message.id] = message
        for index, kept in enumerate(self._messages):
            if kept.id == message.id:
                self._messages[index] = message

    def change(self, message: ChatMessage) -> None:
        """This message has another text, or other reactions."""
        if self._deleted is not None:
            self._changed[message.id] = message
        for index, kept in enumerate(self._messages):
            if kept.id == message.id and isinstance(kept, ChatMessage):
                self._messages[index] = message

    def forget_author(self, user_id: str) -> None:
        """All that this person wrote is deleted."""
        if self._deleted is not None:
            self._gone.add(user_id)
        self._messages = deque((_without(message, {user_id}) for message in self._messages), maxlen=RECENT)

    def purge(self, user_id: str, up_to: int) -> list[DeletedMessage]:
        """What this person wrote up to this offset is deleted: of that, what is here. What is being read lies below."""
        if self._deleted is not None:
            self._gone.add(user_id)
        purged: list[DeletedMessage] = []
        for at, message in enumerate(self._messages):
            if isinstance(message, ChatMessage) and message.user.id == user_id and message.offset <= up_to:
                self._messages[at] = as_deleted(message)
                purged.append(as_deleted(message))
        return purged

    def clear(self, up_to: int) -> None:
        """All messages up to this offset are deleted."""
        self._cleared_to = max(self._cleared_to, up_to)
        self._messages = deque((cleared(message, up_to) for message in self._messages), maxlen=RECENT)

    def rename(self, user_id: str, display_name: str) -> None:
        """This person is called otherwise, in all that they wrote."""
        if self._deleted is not None:
            self._names[user_id] = display_name
        self._messages = deque((renamed(message, {user_id: display_name}) for message in self._messages), maxlen=RECENT)

    def set_role(self, user_id: str, role: RoomRole | None) -> None:
        """This person has another role here, and wears its badge on all that they wrote."""
        if self._deleted is not None:
            self._roles[user_id] = role
        self._messages = deque((with_role(message, {user_id: role}) for message in self._messages), maxlen=RECENT)

    def begin_reading(self) -> None:
        """From here on what is deleted is remembered: the page may have been read before."""
        self._deleted = {}
        self._changed = {}
        self._names = {}
        self._roles = {}
        self._gone = set()

    def complete(self, page: Sequence[LoggedMessage]) -> None:
        """The log's newest, ascending."""
        deleted, self._deleted = self._deleted or {}, None
        gone = [as_deleted(m) if m.id in deleted else self._changed.get(m.id, m) for m in page]
        kept = [_without(message, self._gone) for message in gone if message.offset <= self._after]
        named = [with_role(renamed(message, self._names), self._roles) for message in kept]
        older = [cleared(message, self._cleared_to) for message in named]
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


def with_role(message: LoggedMessage, roles: Mapping[str, RoomRole | None]) -> LoggedMessage:
    """The message with the badge of its author's role among ``roles``, by their id."""
    if not isinstance(message, ChatMessage) or message.user.id not in roles:
        return message
    badges = badges_with(message.user.badges, roles[message.user.id])
    return msgspec.structs.replace(message, user=msgspec.structs.replace(message.user, badges=badges))


def badges_with(badges: Sequence[str], role: RoomRole | None) -> tuple[str, ...]:
    """Badges in their order, of which that of the role in the room is this one."""
    kept = {*badges} - {"moderator", "vip"} | ({role} if role is not None else set())
    return tuple(badge for badge in BADGES if badge in kept)


def cleared(message: LoggedMessage, up_to: int) -> LoggedMessage:
    """The message, or what keeps its place when it lies at this offset or below."""
    return as_deleted(message) if message.offset <= up_to else message


def as_deleted(message: LoggedMessage) -> DeletedMessage:
    """What keeps the place of this message."""
    return DeletedMessage(id=message.id, offset=message.offset)


def _without(message: LoggedMessage, authors: Collection[str]) -> LoggedMessage:
    if isinstance(message, ChatMessage) and message.user.id in authors:
        return as_deleted(message)
    return message
