"""What moderators do in a room: delete, pin, sanction, change the mode. Durable first, then sent to the clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import msgspec

from actors.chat_log import ChatLog, RoomStore
from actors.chat_messages import (
    ClearRoom,
    DeleteChat,
    PinChat,
    PurgePerson,
    RestoreChat,
    SanctionPerson,
    SetChatMode,
    SetRole,
)
from actors.chat_permissions import Permissions
from actors.chat_recent import renamed
from actors.chat_review import Review
from actors.chat_rules import Author, ChatMode, ChatRules, Sanction, changed_mode
from actors.chat_timeline import Timeline
from actors.events import ChatChanged, ChatMessage, DeletedMessage, RoomChanged
from actors.runtime import Context, DomainError

FirstEvent = Literal["chat:deleted", "chat:pinned", "chat:mode", "chat:user_timed_out"]
AddedEvent = Literal["chat:cleared", "chat:restored", "chat:role"]

MAX_ROLES = 1_000
MAX_TIMEOUT_S = 14 * 24 * 3600


class Moderation:
    """The acts of one room's moderators; ``pinned`` is the pinned message. Raises what the store raises."""

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        log: ChatLog,
        rooms: RoomStore,
        permissions: Permissions,
        timeline: Timeline,
        review: Review,
        pinned: ChatMessage | None,
    ) -> None:
        self._context = context
        self._fence = context.fence
        self._room_id = room_id
        self._log = log
        self._rooms = rooms
        self._permissions = permissions
        self._timeline = timeline
        self._review = review
        self.pinned = pinned

    @property
    def _rules(self) -> ChatRules:
        return self._permissions.rules

    async def delete(self, message: DeleteChat) -> None:
        """Everybody may delete what they wrote themselves."""
        self._permissions.consume("moderation", message.by)
        found = await self._log.message(self._room_id, message.message_id)
        if found is None or isinstance(found, DeletedMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        if found.user.id != message.by.id:
            self._permissions.require_moderator(message.by)
        elif self._rules.is_private:
            self._permissions.require_changeable(found)
        await self.remove(found.id, by=message.by.id, reason=message.reason)

    async def remove(self, message_id: str, *, by: str | None, reason: str) -> None:
        """Delete a message. ``by``: None for the server itself."""
        offset = await self._rooms.delete_message(self._room_id, message_id, by=by, reason=reason, fence=self._fence)
        if offset is None:
            return
        self._forget_message(message_id, offset)
        body = {"id": message_id, "offset": offset}
        self._send("chat:deleted", body if by is None else {**body, "by": by})

    async def restore(self, message: RestoreChat) -> None:
        """It may be repeated, and is then sent again."""
        await self._rooms.restore_message(
            self._room_id, message.message_id, by=message.by, reason=message.reason, fence=self._fence
        )
        found = await self._log.message(self._room_id, message.message_id)
        if isinstance(found, ChatMessage):
            self._timeline.recent.restore(found)
            self._send_added("chat:restored", {"user_id": found.user.id, "message": msgspec.to_builtins(found)})

    async def purge(self, message: PurgePerson) -> None:
        """Delete what the person wrote up to where the room stands now. It may take long, while the room goes on."""
        up_to = self._timeline.offset
        await self._rooms.purge(
            self._room_id, message.user_id, up_to=up_to, by=message.by.id, reason=message.reason, fence=self._fence
        )
        await self._review.withdraw(message.user_id)
        purged = self._timeline.recent.purge(message.user_id, up_to)
        for one in purged:
            self._send("chat:deleted", {"id": one.id, "offset": one.offset, "by": message.by.id})
        self._send_added("chat:cleared", {"offset": up_to, "user_id": message.user_id, "by": message.by.id})
        if self.pinned is not None and self.pinned.user.id == message.user_id:
            self._unpin()

    async def clear(self, message: ClearRoom) -> None:
        self.require_moderator(message.by)
        up_to = await self._rooms.clear(self._room_id, by=message.by.id, fence=self._fence)
        await self._review.withdraw(None)
        self._timeline.clear(up_to)
        self._send_added("chat:cleared", {"offset": up_to, "user_id": None, "by": message.by.id})
        if self.pinned is not None and self.pinned.offset <= up_to:
            self._unpin()

    async def set_role(self, message: SetRole) -> None:
        self._permissions.require_owner(message.by)
        self._permissions.consume("moderation", message.by)
        rules = self._rules
        if message.user_id == rules.owner_id:
            raise DomainError("forbidden", "The owner of a room has no other role in it.")
        if len(rules.moderators | rules.vips | {message.user_id}) > MAX_ROLES:
            raise DomainError("invalid", f"A room has at most {MAX_ROLES} moderators and VIPs.", field="user_id")
        await self._rooms.set_role(self._room_id, message.user_id, message.role, by=message.by.id, fence=self._fence)
        rules.set_role(message.user_id, message.role)
        self._timeline.recent.set_role(message.user_id, message.role)
        self._send_added("chat:role", {"user_id": message.user_id, "role": message.role, "by": message.by.id})

    def forget_author(self, user_id: str) -> None:
        """The account was deleted. Nodes do the same with what they remember; only a lost pin is sent."""
        self._timeline.recent.forget_author(user_id)
        self._review.forget_author(user_id)
        if self.pinned is not None and self.pinned.user.id == user_id:
            self._forget_message(self.pinned.id, self.pinned.offset)

    def rename_author(self, user_id: str, display_name: str) -> None:
        """Nodes do the same with what they remember."""
        self._timeline.recent.rename(user_id, display_name)
        if self.pinned is not None:
            pinned = renamed(self.pinned, {user_id: display_name})
            self.pinned = pinned if isinstance(pinned, ChatMessage) else None

    def _forget_message(self, message_id: str, offset: int) -> None:
        self._timeline.recent.delete(message_id, offset)
        if self.pinned is not None and self.pinned.id == message_id:
            self._unpin()

    def _unpin(self) -> None:
        self.pinned = None
        self._send("chat:pinned", {"message": None})

    async def pin(self, message: PinChat) -> None:
        self.require_moderator(message.by)
        pinned = None if message.message_id is None else await self._pinnable(message.message_id)
        await self._rooms.set_pinned(self._room_id, message.message_id, by=message.by.id, fence=self._fence)
        self.pinned = pinned
        self._send("chat:pinned", {"message": msgspec.to_builtins(pinned)})

    async def _pinnable(self, message_id: str) -> ChatMessage:
        found = await self._log.message(self._room_id, message_id)
        if not isinstance(found, ChatMessage):
            raise DomainError("not_found", "There is no such message.", field="message_id")
        return found

    async def sanction(self, message: SanctionPerson) -> None:
        self.require_moderator(message.by)
        if message.user_id == self._rules.owner_id:
            raise DomainError("forbidden", "The owner of a room cannot be silenced in it.")
        if message.seconds is not None and not 0 <= message.seconds <= MAX_TIMEOUT_S:
            raise DomainError("invalid", "A timeout lasts between 1 second and 14 days.", field="seconds")
        if message.seconds == 0:
            await self._rooms.lift_sanction(
                self._room_id, message.user_id, by=message.by.id, reason=message.reason, fence=self._fence
            )
            self._pardon(message.user_id)
            return
        until = None if message.seconds is None else self._permissions.now() + timedelta(seconds=message.seconds)
        sanction = Sanction(until=until)
        await self._rooms.put_sanction(
            self._room_id, message.user_id, sanction, reason=message.reason, by=message.by.id, fence=self._fence
        )
        self._apply(message.user_id, sanction)

    def _pardon(self, user_id: str) -> None:
        if self._rules.pardon(user_id):
            self._send("chat:user_timed_out", {"user_id": user_id, "until": None, "banned": False})

    def _apply(self, user_id: str, sanction: Sanction) -> None:
        self._rules.sanction(user_id, sanction, now=self._permissions.now(), at=self._context.clock.monotonic())
        until = None if sanction.until is None else sanction.until.isoformat().replace("+00:00", "Z")
        self._send("chat:user_timed_out", {"user_id": user_id, "until": until, "banned": until is None})

    async def set_mode(self, message: SetChatMode) -> ChatMode:
        """The mode that holds from here on."""
        self.require_moderator(message.by)
        chosen = changed_mode(self._rules.chosen, message.changes)
        await self._rooms.set_mode(self._room_id, chosen, by=message.by.id, fence=self._fence)
        self._rules.set_mode(chosen)
        self._send("chat:mode", {"mode": msgspec.to_builtins(self._rules.mode)})
        return self._rules.mode

    def require_moderator(self, by: Author) -> None:
        """Raises ``DomainError``; else an act is taken out of the moderator's budget."""
        self._permissions.require_moderator(by)
        self._permissions.consume("moderation", by)

    def _send(self, event: FirstEvent, body: dict[str, Any]) -> None:
        self._timeline.send(ChatChanged(room_id=self._room_id, event=event, body={"room_id": self._room_id, **body}))

    def _send_added(self, event: AddedEvent, body: dict[str, Any]) -> None:
        """Of an event that came after ``ChatChanged``, whose words are fixed."""
        self._timeline.send(RoomChanged(room_id=self._room_id, event=event, body={"room_id": self._room_id, **body}))
