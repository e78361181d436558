"""The messages of a person and the assistant, kept for the person alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from server.features.town.assistant.engines import Message
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_CONVERSATIONS: Final = 100
"""Of a person; the one that was quiet for the longest goes."""
MAX_MESSAGES: Final = 200
MAX_BEFORE: Final = 8
MAX_BEFORE_CHARS: Final = 6_000
MAX_TITLE: Final = 80

_BEGIN: Final = """
insert into assistant_conversations (id, person_id, title, created_at, changed_at) values ($1, $2, $3, $4, $4)
"""
_HOLD: Final = "select id from assistant_conversations where id = $1 and person_id = $2 for update"
_CROWD_OUT: Final = """
delete from assistant_conversations where id in (
    select id from assistant_conversations where person_id = $1 order by changed_at desc, id desc offset $2)
"""
_COUNT: Final = "select count(*) from assistant_messages where conversation_id = $1"
_ADD: Final = """
with changed as (update assistant_conversations set changed_at = $6 where id = $2 returning id)
insert into assistant_messages (id, conversation_id, role, text, sources, created_at)
select $1, id, $3, $4, $5, $6 from changed
"""
_LAST: Final = """
select role, text from assistant_messages where conversation_id = $1 order by id desc limit $2
"""
_PAGE: Final = """
select id, title, created_at, changed_at from assistant_conversations
where person_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
"""
_MESSAGES: Final = """
select m.id, m.role, m.text, m.sources, m.created_at from assistant_messages m
join assistant_conversations c on c.id = m.conversation_id
where c.id = $1 and c.person_id = $2 and ($3::uuid is null or m.id > $3) order by m.id limit $4
"""
_IS_THERE: Final = "select exists (select from assistant_conversations where id = $1 and person_id = $2)"
_REMOVE: Final = "delete from assistant_conversations where id = $1 and person_id = $2 returning id"
_PRUNE: Final = """
delete from assistant_conversations where id in (
    select id from assistant_conversations where changed_at < $1 order by changed_at limit 500)
"""


class Conversations:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], kept: timedelta) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._kept = kept

    async def ask(
        self, tx: Transaction, person_id: str, conversation_id: str | None, text: str
    ) -> tuple[str, Sequence[Message]]:
        """The conversation in which this is asked, a new one without ``conversation_id``, and the messages before it.
        Raises a 404 for another's, and a 409 for one that is full.
        """
        before: Sequence[Message] = ()
        if conversation_id is None:
            conversation_id = await self._begun(tx, person_id, text)
        else:
            before = await self._went_before(tx, person_id, conversation_id)
        await self._add(tx, conversation_id, "asker", text, ())
        return conversation_id, before

    async def answered(
        self, tx: Transaction, conversation_id: str, text: str, sources: Sequence[dict[str, str]]
    ) -> None:
        """Nothing happens to a conversation that was removed meanwhile."""
        if text:
            await self._add(tx, conversation_id, "assistant", text, sources)

    async def page(self, person_id: str, before: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(_PAGE, person_id, before, limit)

    async def messages(self, person_id: str, conversation_id: str, after: str | None, limit: int) -> Sequence[Row]:
        """Raises a 404 for another's."""
        if not await self._db.fetchval(_IS_THERE, conversation_id, person_id):
            raise no_conversation()
        return await self._db.fetch(_MESSAGES, conversation_id, person_id, after, limit)

    async def remove(self, person_id: str, conversation_id: str) -> None:
        """With its messages. Raises a 404."""
        if await self._db.fetchval(_REMOVE, conversation_id, person_id) is None:
            raise no_conversation()

    async def prune(self) -> None:
        await self._db.execute(_PRUNE, self._now() - self._kept)

    async def _went_before(self, tx: Transaction, person_id: str, conversation_id: str) -> Sequence[Message]:
        if await tx.fetchval(_HOLD, conversation_id, person_id) is None:
            raise no_conversation()
        if await tx.fetchval(_COUNT, conversation_id) >= MAX_MESSAGES:
            raise Problem(409, "Begin a new conversation: this one is full", slug="conversation-full")
        return _before(await tx.fetch(_LAST, conversation_id, MAX_BEFORE))

    async def _begun(self, tx: Transaction, person_id: str, text: str) -> str:
        now = self._now()
        conversation_id = self._ids.uuid7(now.timestamp())
        await tx.execute(_BEGIN, conversation_id, person_id, " ".join(text.split())[:MAX_TITLE], now)
        await tx.execute(_CROWD_OUT, person_id, MAX_CONVERSATIONS)
        return conversation_id

    async def _add(
        self, tx: Transaction, conversation_id: str, role: str, text: str, sources: Sequence[dict[str, Any]]
    ) -> None:
        now = self._now()
        await tx.execute(_ADD, self._ids.uuid7(now.timestamp()), conversation_id, role, text, list(sources), now)


def _before(latest: Sequence[Row]) -> Sequence[Message]:
    """The oldest first, as many as fit."""
    kept: list[Message] = []
    left = MAX_BEFORE_CHARS
    for row in latest:
        left -= len(row["text"])
        if left < 0:
            break
        kept.append(Message(role="user" if row["role"] == "asker" else "assistant", text=row["text"]))
    return kept[::-1]


def no_conversation() -> Problem:
    return not_found("There is no such conversation")
