"""Messages in conversations, and who asks a person into one, become notices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from server.features.delivery.notifications.kinds import CONVERSATION_REQUEST, MESSAGE, Notice, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.subjects import CONVERSATION
from server.features.messages.conversations import Unnotified
from server.features.messages.conversations.facts import (
    ConversationAnswered,
    ConversationLeft,
    ConversationMessage,
    ConversationMessageDeleted,
    ConversationRead,
    ConversationRequested,
)
from storage.facts import Consumer
from storage.postgres import Reads, Transaction


class Conversations(Protocol):
    """What this room asks of conversations."""

    async def unnotified(self, where: Reads, message: ConversationMessage) -> Unnotified | None: ...
    async def without_unread(self, where: Reads, room_id: str) -> list[str]: ...
    async def unread(self, where: Reads, person_id: str, room_id: str, *, read_offset: int) -> int: ...


class ConversationConsumers:
    """The messages of a conversation are one notification of each member until it is read."""

    def __init__(self, *, notifications: Notifications, conversations: Conversations) -> None:
        self._notifications = notifications
        self._conversations = conversations

    def all(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(ConversationRequested, self._requested),
            Consumer(ConversationAnswered, self._answered),
            Consumer(ConversationMessage, self._written),
            Consumer(ConversationMessageDeleted, self._deleted),
            Consumer(ConversationRead, self._read),
            Consumer(ConversationLeft, self._left),
        )

    async def _requested(self, tx: Transaction, fact: ConversationRequested) -> None:
        notice = Notice(kind=CONVERSATION_REQUEST, actor_id=fact.by_id, subject=Subject(CONVERSATION, fact.room_id))
        await self._notifications.notify(tx, notice, [fact.person_id])

    async def _answered(self, tx: Transaction, fact: ConversationAnswered) -> None:
        await self._notifications.settle(tx, CONVERSATION_REQUEST, recipient_id=fact.person_id, subject_id=fact.room_id)

    async def _written(self, tx: Transaction, fact: ConversationMessage) -> None:
        """The author has read what stands before it."""
        await self._notifications.read_about(tx, MESSAGE, person_id=fact.author_id, subject_id=fact.room_id)
        concerned = await self._conversations.unnotified(tx, fact)
        if concerned is not None:
            subject = Subject(CONVERSATION, fact.room_id)
            notice = Notice(kind=MESSAGE, actor_id=fact.author_id, subject=subject, happened_at=concerned.sent_at)
            await self._notifications.notify(tx, notice, concerned.people)

    async def _deleted(self, tx: Transaction, fact: ConversationMessageDeleted) -> None:
        """It may have been all that was unread."""
        for person_id in await self._conversations.without_unread(tx, fact.room_id):
            await self._notifications.read_about(tx, MESSAGE, person_id=person_id, subject_id=fact.room_id)

    async def _read(self, tx: Transaction, fact: ConversationRead) -> None:
        """It stays unread while a message is."""
        if not await self._conversations.unread(tx, fact.person_id, fact.room_id, read_offset=fact.offset):
            await self._notifications.read_about(tx, MESSAGE, person_id=fact.person_id, subject_id=fact.room_id)

    async def _left(self, tx: Transaction, fact: ConversationLeft) -> None:
        await self._notifications.settle(tx, MESSAGE, recipient_id=fact.person_id, subject_id=fact.room_id)
