"""What members of a private room do with messages: edit their own, and react. Durable first, then sent to clients."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.chat_log import ChatLog, RoomStore
from actors.chat_messages import EditChat, ReactToChat
from actors.chat_permissions import Permissions
from actors.chat_rules import Author, clean_text
from actors.chat_timeline import Timeline
from actors.emoji import is_emoji
from actors.events import ChatMessage, RoomChanged
from actors.runtime import Context, DomainError

MAX_REACTIONS = 3
"""Of one person to one message."""
MAX_EMOJI = 20
"""Different ones that a message has."""


class PrivateActs:
    """Of one room; what its rules refuse raises ``DomainError``, and what the store raises goes on."""

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        log: ChatLog,
        rooms: RoomStore,
        permissions: Permissions,
        timeline: Timeline,
    ) -> None:
        self._fence = context.fence
        self._room_id = room_id
        self._log = log
        self._rooms = rooms
        self._permissions = permissions
        self._timeline = timeline

    async def edit(self, message: EditChat) -> None:
        await self._require_member(message.by)
        self._permissions.consume("chat", message.by)
        found = await self._message(message.message_id)
        text = clean_text(message.text, may_be_empty=bool(found.attachments))
        if found.user.id != message.by.id:
            raise DomainError("forbidden", "This message is not yours.", field="message_id")
        self._permissions.require_changeable(found)
        if found.text == text:
            return
        at = self._permissions.now()
        await self._rooms.edit_message(self._room_id, found.id, text, at=at, fence=self._fence)
        self._change(found, "chat:edited", text=text, edited_at=at)

    async def react(self, message: ReactToChat) -> None:
        if not is_emoji(message.emoji):
            raise DomainError("invalid", "That is no emoji.", field="emoji")
        await self._require_member(message.by)
        self._permissions.consume("reaction", message.by)
        found = await self._message(message.message_id)
        reactions = await self._rooms.react(
            self._room_id, found.id, message.by.id, message.emoji, is_on=message.is_on, fence=self._fence
        )
        if reactions is None:
            text = f"A message takes {MAX_REACTIONS} reactions of a person, and {MAX_EMOJI} different ones."
            raise DomainError("too_many_reactions", text, field="emoji")
        if reactions != found.reactions:
            self._change(found, "chat:reacted", reactions=reactions)

    async def _require_member(self, author: Author) -> None:
        if not self._permissions.rules.is_private:
            raise DomainError("forbidden", "This is for conversations.", field="room_id")
        await self._permissions.require_writer(author)

    async def _message(self, message_id: str) -> ChatMessage:
        found = await self._log.message(self._room_id, message_id)
        if not isinstance(found, ChatMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        return found

    def _change(self, found: ChatMessage, event: str, **changes: Any) -> None:
        self._timeline.recent.change(msgspec.structs.replace(found, **changes))
        told = msgspec.to_builtins(changes)
        place = {"room_id": self._room_id, "id": found.id, "offset": found.offset, "user_id": found.user.id}
        self._timeline.send(RoomChanged(room_id=self._room_id, event=event, body={**place, **told}))
