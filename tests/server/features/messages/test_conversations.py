"""Conversations over the features in process: whom a message concerns."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from server.features.messages import conversations
from server.features.messages.conversations import Attachments, Unnotified
from server.features.messages.conversations.facts import ConversationMessage
from server.features.messages.settings import ConversationSettings
from server.features.videos import uploads
from server.features.videos.settings import UploadSettings
from server.live.bodies import Attached, Send
from storage.postgres import Database
from tests.server.kit import Kit

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


async def nothing() -> None: ...


async def person(database: Database, name: str) -> str:
    person_id = str(uuid.uuid4())
    await database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, $2, $2, $2, $2, '', $2, $2)",
        person_id,
        name,
    )
    return person_id


async def test_a_message_concerns_members_who_have_not_read_it_muted_it_or_blocked_its_author(
    database: Database, kit: Kit
) -> None:
    uploading = uploads.build(kit.platform(), settings=UploadSettings())
    room = conversations.build(
        kit.platform(), settings=ConversationSettings(), uploads=uploading.uploads, when_changed=nothing
    )
    author, *others = [await person(database, name) for name in ("ann", "bob", "cem", "dan", "eve", "fay")]
    room_id = str(uuid.uuid4())
    await database.execute("insert into chat_rooms (id, log_epoch, is_private) values ($1, 'e', true)", room_id)
    await database.execute("insert into conversations (room_id, is_group) values ($1, true)", room_id)
    states = [("open", 4, False), ("open", 5, False), ("open", 0, True), ("request", 0, False), ("open", 0, False)]
    for one, (state, offset, is_muted) in zip(others, states, strict=True):
        await database.execute(
            "insert into conversation_members (room_id, person_id, state, read_offset, is_muted)"
            " values ($1, $2, $3, $4, $5)",
            room_id, one, state, offset, is_muted,
        )  # fmt: skip
    await database.execute("insert into blocks (user_id, blocked_id) values ($1, $2)", others[4], author)
    fact = ConversationMessage(room_id=room_id, message_id=str(uuid.uuid4()), offset=5, author_id=author)
    assert await room.conversations.unnotified(database, fact) is None  # as of a message that was deleted
    await database.execute(
        'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)'
        " values ($1, 5, $2, $3, 'c', 'hello', $4)",
        room_id, fact.message_id, author, NOON,
    )  # fmt: skip
    assert await room.conversations.unnotified(database, fact) == Unnotified(NOON, [others[0]])


async def test_what_was_claimed_for_a_message_that_was_never_posted_is_swept_after_a_while(
    database: Database, kit: Kit
) -> None:
    platform = kit.platform()
    uploading = uploads.build(platform, settings=UploadSettings())
    clock = [NOON]
    attachments = Attachments(db=database, uploads=uploading.uploads, now=lambda: clock[0])
    ann, room_id = await person(database, "ann"), str(uuid.uuid4())
    await database.execute("insert into chat_rooms (id, log_epoch, is_private) values ($1, 'e', true)", room_id)
    await database.execute("insert into conversations (room_id, is_group) values ($1, true)", room_id)
    pictures = {"posted": str(uuid.uuid4()), "refused": str(uuid.uuid4())}
    for client_id, picture in pictures.items():
        await database.execute(
            "insert into uploads (id, owner_id, state, kind, size, received, width, height, expires_at)"
            " values ($1, $2, 'ready', 'image', 1, 1, 4, 2, now())",
            picture, ann,
        )  # fmt: skip
        body = Send(room_id=room_id, text="", client_id=client_id, attachments=(Attached(upload_id=picture),))
        (attached,) = await attachments.attach(ann, body)
        assert (attached.id, attached.url) == (picture, f"/media/{picture}/full.webp")
    await database.execute("update chat_attachments set claimed_at = $1", NOON)
    await database.execute(
        'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)'
        " values ($1, 1, gen_random_uuid(), $2, 'posted', '', $3)",
        room_id, ann, NOON,
    )  # fmt: skip
    await attachments.sweep()
    assert await database.fetchval("select count(*) from uploads") == 2
    clock[0] += timedelta(hours=1, seconds=1)
    await attachments.sweep()
    assert [row["id"] for row in await database.fetch("select id from uploads")] == [pictures["posted"]]
    async with database.transaction() as tx:
        await attachments.ended(tx, room_id)
    assert await database.fetchval("select count(*) from uploads") == 0
