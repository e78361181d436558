"""Pictures of messages: uploads of their authors, kept as long as the message is.

They are claimed before the message is posted, under its ``client_id``, by which the log reads them. Those of a message
that was refused may be attached to another one, and are swept when they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

import msgspec

from actors.events import Attachment
from actors.runtime import DomainError
from actors.text import clean_lines
from server.features.messages.conversations import queries
from server.features.messages.conversations.facts import ConversationMessage, ConversationMessageDeleted
from server.features.videos.uploads import Media, Uploads
from server.http.errors import Problem, invalid_field
from server.live.bodies import Attached, Send
from storage.postgres import Database, Row, Transaction

SWEEP_AFTER: Final = timedelta(hours=1)
SWEEP_BATCH: Final = 100


class Attachments:
    def __init__(self, *, db: Database, uploads: Uploads, now: Callable[[], datetime]) -> None:
        self._db = db
        self._uploads = uploads
        self._now = now

    async def attach(self, person_id: str, body: Send) -> tuple[Attachment, ...]:
        """Use a person's uploads for a message of theirs, which is about to be posted. Repeated for the same
        ``client_id``, the answer is the same. Raises ``DomainError`` for a room that is no conversation, and for what
        is not theirs, not ready, used already, or no picture.
        """
        key = body.room_id, person_id, body.client_id
        if not await self._db.fetchval(queries.IS_CONVERSATION, body.room_id):
            raise DomainError("invalid", "Attachments are for conversations.", field="attachments")
        try:
            async with self._db.transaction() as tx:
                await tx.execute(queries.LOCK_MESSAGE, " ".join(key))
                held = await tx.fetch(queries.ATTACHED, *key)
                return _shown(held) if held else await self._claim(tx, key, body.attachments)
        except Problem as problem:
            error = problem.errors[0]
            raise DomainError("invalid", f"The attachment {error.message}.", field=error.field) from None

    async def posted(self, tx: Transaction, fact: ConversationMessage) -> None:
        """The message is in the log."""
        await tx.execute(queries.ATTACHED_TO, fact.room_id, fact.offset)

    async def deleted(self, tx: Transaction, fact: ConversationMessageDeleted) -> None:
        """What was attached goes with the message."""
        await self._release(tx, await tx.fetch(queries.DETACH, fact.room_id, fact.message_id))

    async def ended(self, tx: Transaction, room_id: str) -> None:
        """The room is about to go, with its messages."""
        await self._release(tx, await tx.fetch(queries.DETACH_ALL, room_id))

    async def sweep(self) -> None:
        """Remove what was claimed for messages that were never posted."""
        full = True
        while full:
            async with self._db.transaction() as tx:
                rows = await tx.fetch(queries.DETACH_UNPOSTED, self._now() - SWEEP_AFTER, SWEEP_BATCH)
                await self._release(tx, rows)
            full = len(rows) == SWEEP_BATCH

    async def _claim(
        self, tx: Transaction, key: tuple[str, str, str], wanted: Sequence[Attached]
    ) -> tuple[Attachment, ...]:
        ids = [one.upload_id for one in wanted]
        if len(set(ids)) < len(ids):
            raise invalid_field("attachments", "is there twice")
        found = {one.id: one for one in _shown(await tx.fetch(queries.TAKE_BACK, ids, key[1]))}
        fields = {one: f"attachments.{place}.upload_id" for place, one in enumerate(ids) if one not in found}
        claimed = await self._uploads.claim(tx, key[1], list(fields), by="message", fields=list(fields.values()))
        found |= {media.id: _picture(media, fields[media.id]) for media in claimed}
        attached = tuple(msgspec.structs.replace(found[one.upload_id], alt=clean_lines(one.alt)) for one in wanted)
        await tx.execute(queries.ATTACH, *key, ids, [msgspec.to_builtins(one) for one in attached])
        return attached

    async def _release(self, tx: Transaction, rows: Sequence[Row]) -> None:
        await self._uploads.release(tx, [row["upload_id"] for row in rows])


def _shown(rows: Sequence[Row]) -> tuple[Attachment, ...]:
    return msgspec.convert([row["shown"] for row in rows], tuple[Attachment, ...])


def _picture(media: Media, field: str) -> Attachment:
    given = (media.url, media.preview_url, media.width, media.height)
    if media.kind != "image" or None in given:
        raise invalid_field(field, "is no picture")
    url, preview_url, width, height = cast(tuple[str, str, int, int], given)
    return Attachment(id=media.id, kind="image", url=url, preview_url=preview_url, width=width, height=height)
