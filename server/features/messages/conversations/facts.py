"""The durable facts of conversations."""

from __future__ import annotations

from storage.conversation_facts import ConversationMessage
from storage.facts import Fact

__all__ = ["ConversationAnswered", "ConversationMessage", "ConversationRequested"]


class ConversationRequested(Fact, frozen=True, kw_only=True, tag="conversation.requested"):
    """``by_id``, whom ``person_id`` does not follow, asks them into the conversation."""

    room_id: str
    person_id: str
    by_id: str


class ConversationAnswered(Fact, frozen=True, kw_only=True, tag="conversation.answered"):
    """``person_id``, who was asked, is in the conversation now, or has declined."""

    room_id: str
    person_id: str
    is_accepted: bool
