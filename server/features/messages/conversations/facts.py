"""The durable facts of conversations."""

from __future__ import annotations

from storage.conversation_facts import ConversationMessage, ConversationMessageDeleted
from storage.facts import Fact

__all__ = [
    "ConversationAnswered",
    "ConversationLeft",
    "ConversationMessage",
    "ConversationMessageDeleted",
    "ConversationRead",
    "ConversationRequested",
]


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


class ConversationRead(Fact, frozen=True, kw_only=True, tag="conversation.read"):
    """``person_id`` has read more of the conversation than before: up to ``offset``."""

    room_id: str
    person_id: str
    offset: int


class ConversationLeft(Fact, frozen=True, kw_only=True, tag="conversation.left"):
    """``person_id`` was in the conversation and is no longer: they left, or were taken out."""

    room_id: str
    person_id: str
