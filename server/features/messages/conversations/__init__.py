"""Direct and group messages: conversations are private rooms of the chat, with its log, recovery and edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from actors.chat_private import MAX_EMOJI, MAX_REACTIONS
from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.messages.conversations import queries, rules
from server.features.messages.conversations.attachments import Attachments
from server.features.messages.conversations.conversations import Conversations, Unnotified
from server.features.messages.conversations.events import ConversationEvents
from server.features.messages.conversations.facts import ConversationMessage, ConversationMessageDeleted
from server.features.messages.conversations.membership import Membership
from server.features.messages.conversations.receipts import Receipts
from server.features.messages.conversations.routes import ConversationRoutes
from server.features.messages.conversations.shapes import CHANGED, OWN_READ, READ, TYPING, changed
from server.features.messages.settings import ConversationSettings
from server.features.videos.uploads import Uploads
from server.http.limits import hourly
from server.jobs import repeated
from server.live.bodies import MAX_ATTACHMENTS
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = ["Attachments", "ConversationMessage", "ConversationsRoom", "Unnotified", "build"]

CHANGES_PER_HOUR: Final = 1_200
SWEEP_S: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class ConversationsRoom:
    """``conversations`` has the reads that other rooms ask for, ``membership`` also has rooms for people of theirs."""

    feature: Feature
    conversations: Conversations
    attachments: Attachments
    membership: Membership


def build(
    platform: Platform,
    *,
    settings: ConversationSettings,
    uploads: Uploads,
    when_changed: Callable[[], Awaitable[None]],
) -> ConversationsRoom:
    conversations = Conversations(db=platform.db)
    attachments = Attachments(db=platform.db, uploads=uploads, now=platform.now)
    membership = Membership(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        told=platform.publish,
        attachments=attachments,
        when_changed=when_changed,
        max_open=settings.max_conversations,
        max_requests=settings.max_conversation_requests,
    )
    receipts = Receipts(conversations=conversations, told=platform.publish)
    routes = ConversationRoutes(
        conversations=conversations,
        membership=membership,
        db=platform.db,
        new_rate=hourly("new_conversations", settings.max_new_conversations_per_hour),
        rate=hourly("conversations", CHANGES_PER_HOUR),
    )

    async def tell(tx: Transaction, fact: ConversationMessage) -> None:
        """Clients list the conversation anew; what was written they read as its members. Its author has read it."""
        await attachments.posted(tx, fact)
        await receipts.wrote(tx, fact.room_id, fact.author_id, fact.offset)
        hearers = await conversations.hearers(tx, fact.room_id, fact.author_id)
        body = changed(fact.room_id, "message", platform.now())
        tx.after_commit(partial(platform.publish.to_people, hearers, CHANGED.name, body))

    feature = Feature(
        name="conversations",
        operations=routes.operations(),
        events=ConversationEvents(db=platform.db, receipts=receipts, told=platform.publish).events(),
        sent=(TYPING, READ, OWN_READ, CHANGED),
        consumers=(
            Consumer(ConversationMessage, tell),
            Consumer(ConversationMessageDeleted, attachments.deleted),
        ),
        schedules=(repeated("conversations.sweep", attachments.sweep, every_s=SWEEP_S),),
        personal_data=PersonalData(
            tables=TABLES,
            sections=SECTIONS,
            erase=partial(_erase, attachments),
        ),
        limits={
            "conversation_people": rules.MAX_PEOPLE,
            "conversations": settings.max_conversations,
            "conversation_requests": settings.max_conversation_requests,
            "new_conversations_per_hour": settings.max_new_conversations_per_hour,
            "message_attachments": MAX_ATTACHMENTS,
            "message_reactions_per_person": MAX_REACTIONS,
            "message_reaction_kinds": MAX_EMOJI,
        },
    )
    return ConversationsRoom(
        feature=feature, conversations=conversations, attachments=attachments, membership=membership
    )


TABLES: Final = frozenset(
    {"conversations", "conversation_members", "conversation_settings", "chat_reactions", "chat_attachments"}
)


SECTIONS: Final = (
    rows_by_id(
        "conversations",
        "m.room_id, c.is_group, c.title, m.state, m.read_offset, m.is_muted, m.joined_at",
        "conversation_members m join conversations c using (room_id) where m.person_id = $1",
        "m.room_id",
    ),
    ExportSection(
        name="message_reactions",
        sql="select room_id, message_id, emoji, created_at from chat_reactions where person_id = $1"
        " and (message_id, emoji) > ($2::uuid, $3::text) order by message_id, emoji limit $4",
        key=("message_id", "emoji"),
        start=(NO_UUID, ""),
    ),
    rows_by_id(
        "message_attachments",
        "upload_id, room_id, message_id, shown, claimed_at",
        "chat_attachments where person_id = $1",
        "upload_id",
    ),
    rows_by_id(
        "conversation_settings", "person_id, requests_from", "conversation_settings where person_id = $1", "person_id"
    ),
)


async def _erase(attachments: Attachments, tx: Transaction, person_id: str) -> None:
    """What the person wrote is emptied with the rest of their chat; the others keep the conversation."""
    await tx.execute(queries.LEAVE_TO, person_id)
    await tx.execute(queries.FORGET_PAIRS, person_id)
    for row in await tx.fetch(queries.FORGET_MEMBER, person_id):
        await attachments.ended(tx, row["room_id"])
        await tx.execute(queries.DELETE_ROOM, row["room_id"])
    for sql in queries.FORGET:
        await tx.execute(sql, person_id)
