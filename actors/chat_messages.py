"""The messages of a chat room's actor, and what it answers."""

from __future__ import annotations

import msgspec

from actors.chat_rules import Author, ChatMode, RoomRole
from actors.events import Attachment, Shown
from actors.runtime import Ask, Message

RECENT = 500
LISTEN_S = 30.0


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message stands, for good. One that ``is_held`` stands nowhere yet: it waits for a moderator."""

    id: str
    offset: int
    epoch: str
    is_held: bool = False


class PostChat(Ask[Posted], frozen=True, kw_only=True, omit_defaults=True):
    """``trace`` names the trace of a message that is followed from socket to socket.

    An announcement is a moderator's message that clients set apart. ``attachments`` are of private rooms alone.
    """

    is_repeatable = True
    author: Author
    text: str
    client_id: str
    reply_to: str | None = None
    trace: str | None = None
    is_announcement: bool = False
    attachments: tuple[Attachment, ...] = ()


class JudgeWriter(Ask[None], frozen=True, kw_only=True):
    """May this person write here now, whatever the text? The ``DomainError`` says why not."""

    is_repeatable = True
    author: Author


class ForgetRelationship(Message, frozen=True, kw_only=True):
    """What this person is to the room's owner may have changed: it is looked up again."""

    user_id: str


class ForgetAuthor(Message, frozen=True, kw_only=True):
    """This person's account is deleted, and so is all that they wrote."""

    user_id: str


class RenameAuthor(Message, frozen=True, kw_only=True):
    """The person has another display name, in messages of before too."""

    user_id: str
    display_name: str


class RoomSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The room up to and including ``offset``; ``messages`` are the latest, ascending, without a gap.

    A person who may see the stream of the room may see the room; one that ``is_private`` its members alone.
    """

    room_id: str
    stream_id: str | None
    owner_id: str
    epoch: str
    offset: int
    messages: tuple[Shown, ...]
    mode: ChatMode
    pinned: Shown | None = None
    moderators: tuple[str, ...] = ()
    vips: tuple[str, ...] = ()
    is_private: bool = False


class ReadRoom(Ask[RoomSnapshot], frozen=True, kw_only=True):
    """``node`` subscribes: it is sent what comes after the snapshot, for as long as it sends ``RenewSubscription``."""

    is_repeatable = True
    limit: int = RECENT
    node: str = ""


class RenewSubscription(Message, frozen=True, kw_only=True):
    """The node still has sockets in the room, and knows its log ``epoch`` up to ``offset``.

    Due every ``LISTEN_S / 3``.
    """

    node: str
    offset: int
    epoch: str = ""


class DeleteChat(Ask[None], frozen=True, kw_only=True):
    by: Author
    message_id: str
    reason: str = ""


class RemoveChat(Ask[None], frozen=True, kw_only=True):
    """The server takes a message away, from a private room too: ``by`` decided so (None: the server itself)."""

    is_repeatable = True
    by: str | None
    message_id: str
    reason: str = ""


class RestoreChat(Ask[None], frozen=True, kw_only=True):
    """The server shows a message again that ``by`` had taken away, and nobody else."""

    is_repeatable = True
    by: str | None
    message_id: str
    reason: str = ""


class EditChat(Ask[None], frozen=True, kw_only=True):
    """Replace the text of a message of one's own, in a private room."""

    is_repeatable = True
    by: Author
    message_id: str
    text: str


class ReactToChat(Ask[None], frozen=True, kw_only=True):
    """Add a reaction to a message of a private room, or take one's own away."""

    is_repeatable = True
    by: Author
    message_id: str
    emoji: str
    is_on: bool


class PurgePerson(Ask[None], frozen=True, kw_only=True):
    """Delete all that this person has written in the room."""

    is_repeatable = True
    by: Author
    user_id: str
    reason: str = ""


class ClearRoom(Ask[None], frozen=True, kw_only=True):
    """Delete all that was written in the room."""

    by: Author


class SetRole(Ask[None], frozen=True, kw_only=True):
    """``role`` None: a viewer like any other."""

    is_repeatable = True
    by: Author
    user_id: str
    role: RoomRole | None


class ReviewChat(Ask[None], frozen=True, kw_only=True):
    """Post a message that was held, or refuse it."""

    is_repeatable = True
    by: Author
    message_id: str
    allow: bool


class ReadHeld(Ask[tuple[Shown, ...]], frozen=True, kw_only=True):
    """What waits for a moderator."""

    is_repeatable = True
    by: Author


class RenewScreen(Message, frozen=True, kw_only=True):
    """A filter has changed: the one of this owner, or (None) the server's."""

    owner_id: str | None


class PinChat(Ask[None], frozen=True, kw_only=True):
    """``message_id`` None takes the pin away."""

    by: Author
    message_id: str | None


class SanctionPerson(Ask[None], frozen=True, kw_only=True):
    """``seconds`` None is a ban, 0 lifts whatever there is."""

    by: Author
    user_id: str
    seconds: int | None
    reason: str = ""


class SetChatMode(Ask[ChatMode], frozen=True, kw_only=True):
    """Only what is named changes."""

    by: Author
    changes: dict[str, int | bool | None]


class MediaTime(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of the stream's media clock; None for a stream that was never live."""

    ms: int | None


class TellMediaTime(Ask[MediaTime], frozen=True, kw_only=True):
    """Where the media clock of the room's stream stands now: the place of a message that would be posted."""

    is_repeatable = True


class KeepMediaTime(Message, frozen=True, kw_only=True):
    """Where the stream's media clock stood at ``at`` (seconds, wall clock), and whether it runs."""

    media_time_ms: int
    at: float
    is_running: bool
