"""Messages that wait for a moderator: kept, told to moderators, and posted or refused by what they decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from actors.chat_log import Appended
from actors.chat_messages import PostChat, Posted, ReviewChat
from actors.chat_permissions import Permissions
from actors.chat_rules import Author
from actors.chat_timeline import Timeline
from actors.events import ChatForModerators
from actors.runtime import Context, DomainError, Fence
from actors.screening import Reason

MAX_HELD = 200
MAX_HELD_OF_ONE = 5
FULL_S = 30.0


class HeldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits. ``id`` is the one that it is posted with; ``reason`` says which rule held it."""

    id: str
    author: Author
    client_id: str
    text: str
    held_at: datetime
    reason: Reason
    reply_to: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message that was held."""

    id: str
    state: Literal["held", "allowed", "refused"]


class HeldStore(Protocol):
    """The rows of held messages. Raises ``Unavailable``, and ``Fenced`` for a stale token."""

    async def waiting(self, room_id: str) -> Sequence[HeldMessage]:
        """In the order in which they were held; those of deleted accounts are left out."""

    async def find(self, room_id: str, user_id: str, client_id: str) -> Decision | None: ...
    async def hold(self, room_id: str, message: HeldMessage, *, fence: Fence) -> None: ...
    async def decide(self, room_id: str, message_id: str, *, allow: bool, by: str, fence: Fence) -> None:
        """The first decision counts. In the audit log."""

    async def withdraw(self, room_id: str, user_id: str | None, *, fence: Fence) -> None:
        """Refuse what is held of this person, or of all: it was purged."""


class Review:
    """The messages of one room that wait; at most ``MAX_HELD``, and ``MAX_HELD_OF_ONE`` of one person."""

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        store: HeldStore,
        permissions: Permissions,
        timeline: Timeline,
        waiting: Sequence[HeldMessage],
        new_id: Callable[[], str],
    ) -> None:
        self._fence = context.fence
        self._room_id = room_id
        self._store = store
        self._permissions = permissions
        self._timeline = timeline
        self._waiting = {one.id: one for one in waiting}
        self._new_id = new_id

    # holding

    async def find(self, message: PostChat) -> Posted | None:
        """The answer to a message that was held before. Raises ``DomainError`` for one that a moderator refused."""
        found = await self._store.find(self._room_id, message.author.id, message.client_id)
        if found is not None and found.state == "refused":
            raise DomainError("refused", "A moderator did not allow this message.")
        return None if found is None else self._held(found.id)

    def require_room(self, author: Author) -> None:
        """Raises ``DomainError`` when too many wait already."""
        of_author = sum(one.author.id == author.id for one in self._waiting.values())
        if of_author >= MAX_HELD_OF_ONE or len(self._waiting) >= MAX_HELD:
            raise DomainError(
                "too_many_held", "Wait until a moderator has looked at what was written before.", retry_after_s=FULL_S
            )

    async def hold(self, message: PostChat, text: str, reason: Reason, at: datetime) -> Posted:
        """Keep a message until a moderator decides. Raises ``DomainError`` when too many wait already."""
        self.require_room(message.author)
        held = HeldMessage(
            id=self._new_id(),
            author=message.author,
            client_id=message.client_id,
            text=text,
            held_at=at,
            reason=reason,
            reply_to=message.reply_to,
        )
        self._waiting[held.id] = held
        try:
            await self._store.hold(self._room_id, held, fence=self._fence)
        except BaseException:
            del self._waiting[held.id]
            raise
        self._send("chat:held", self.shown(held))
        return self._held(held.id)

    def _held(self, message_id: str) -> Posted:
        return Posted(id=message_id, offset=0, epoch=self._timeline.epoch, is_held=True)

    # deciding

    @property
    def waiting(self) -> list[dict[str, Any]]:
        return [self.shown(held) for held in self._waiting.values()]

    def shown(self, held: HeldMessage) -> dict[str, Any]:
        """As moderators see it."""
        author = held.author
        user = {
            "id": author.id,
            "username": author.username,
            "display_name": author.display_name,
            "badges": self._permissions.badges(author, at=held.held_at),
        }
        shown: dict[str, Any] = {"id": held.id, "user": user, "text": held.text, "sent_at": _instant(held.held_at)}
        if held.reply_to is not None:
            shown["reply_to"] = held.reply_to
        return {"message": shown, "reason": held.reason}

    async def decide(self, message: ReviewChat, post: Callable[[PostChat, str, str], asyncio.Future[Appended]]) -> None:
        """``post`` writes it to the room's log; it is decided once that is done."""
        held = self._waiting.get(message.message_id)
        if held is None:
            raise DomainError("not_found", "No such message waits.", field="message_id")
        if message.allow:
            again = PostChat(author=held.author, text=held.text, client_id=held.client_id, reply_to=held.reply_to)
            await asyncio.shield(post(again, held.text, held.id))
        await self._store.decide(self._room_id, held.id, allow=message.allow, by=message.by.id, fence=self._fence)
        self._waiting.pop(held.id, None)
        self._reviewed(held, allow=message.allow)

    async def withdraw(self, user_id: str | None) -> None:
        """What this person, or anybody, has waiting is refused with the rest of what they wrote."""
        await self._store.withdraw(self._room_id, user_id, fence=self._fence)
        for held in [one for one in self._waiting.values() if user_id in (None, one.author.id)]:
            del self._waiting[held.id]
            self._reviewed(held, allow=False)

    def forget_author(self, user_id: str) -> None:
        """The account was deleted, and its rows with it."""
        self._waiting = {key: one for key, one in self._waiting.items() if one.author.id != user_id}

    def _reviewed(self, held: HeldMessage, *, allow: bool) -> None:
        self._send("chat:reviewed", {"id": held.id, "allow": allow, "user_id": held.author.id}, also=held.author.id)

    def _send(self, event: str, body: dict[str, Any], *, also: str | None = None) -> None:
        self._timeline.send(
            ChatForModerators(room_id=self._room_id, event=event, body={"room_id": self._room_id, **body}, user_id=also)
        )


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
