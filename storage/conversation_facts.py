"""The durable facts of private rooms that their log writes."""

from __future__ import annotations

from storage.facts import Fact


class ConversationMessage(Fact, frozen=True, kw_only=True, tag="conversation.message"):
    """A person has written a message in a private room, whose id is that of the conversation."""

    room_id: str
    message_id: str
    offset: int
    author_id: str


class ConversationMessageDeleted(Fact, frozen=True, kw_only=True, tag="conversation.message_deleted"):
    """A message of a private room was deleted for all."""

    room_id: str
    message_id: str
