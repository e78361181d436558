"""``POST /api/v1/assistant/messages``: a question from its budget to the last event of its answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec
from aiohttp import web

from server.features.town.assistant.answering import Answering, Asked, Reply
from server.features.town.assistant.budget import Budget, Taken
from server.features.town.assistant.conversations import Conversations
from server.features.town.assistant.engines import Delta
from server.features.town.assistant.passages import Passage
from server.features.town.assistant.proposals import Proposal
from server.features.town.assistant.shapes import AskBody
from server.features.town.help.articles import language_of
from server.http.errors import Problem
from server.http.operation import Call
from server.live.addresses import MediaAddresses
from storage.postgres import Database

OF_ONE: Final = 2
"""Answers to a person at a time on a node."""
OF_ALL: Final = 100
WRITE_S: Final = 30.0
"""That a client has to take a part of its answer."""
TOKENS_OF_PROMPT: Final = 6_000
"""Set aside for rules, passages and the messages before, until it is known."""
STREAM: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class Asking:
    """``most``: tokens of an answer."""

    def __init__(
        self,
        *,
        db: Database,
        answering: Answering,
        budget: Budget,
        conversations: Conversations,
        addresses: MediaAddresses,
        most: int,
    ) -> None:
        self._db = db
        self._answering = answering
        self._budget = budget
        self._conversations = conversations
        self._addresses = addresses
        self._set_aside = most + TOKENS_OF_PROMPT if answering.has_model else 0
        self._answered: Counter[str] = Counter()

    async def ask(self, call: Call[AskBody, None]) -> web.StreamResponse:
        """What a client does not wait for is kept as far as it came, and paid for."""
        with self._place(call.me.id):
            taken, conversation_id, asked = await self._begun(call)
            response = web.StreamResponse(headers={**STREAM, "Conversation-Id": conversation_id})
            await response.prepare(call.request)
            reply = Reply()
            try:
                async with aclosing(self._answering.answer(asked, reply)) as parts:
                    async for part in parts:
                        await _write(response, _event(part))
            finally:
                await self._ended(taken, conversation_id, reply)
            sources = [_source(one) for one in reply.sources]
            end = {"sources": sources, "complete": reply.is_whole, "conversation_id": conversation_id}
            await _write(response, end)
            await response.write_eof()
        return response

    async def _begun(self, call: Call[AskBody, None]) -> tuple[Taken, str, Asked]:
        text, given = call.body.text, call.body.conversation_id
        async with self._db.transaction() as tx:
            taken = await self._budget.take(tx, call.me.id, self._set_aside)
            conversation_id, before = await self._conversations.ask(
                tx, call.me.id, str(given) if given is not None else None, text
            )
        asker = self._addresses.asker(call.person, address=call.address)
        return taken, conversation_id, Asked(text=text, language=language_of(text, ""), asker=asker, before=before)

    async def _ended(self, taken: Taken, conversation_id: str, reply: Reply) -> None:
        async with self._db.transaction() as tx:
            await self._budget.settle(tx, taken, reply.tokens)
            await self._conversations.answered(tx, conversation_id, reply.text, [_source(one) for one in reply.sources])

    @contextmanager
    def _place(self, person_id: str) -> Iterator[None]:
        """Raises a 429 for more than ``OF_ONE`` answers to a person at once, and a 503 when the node has enough."""
        if self._answered[person_id] >= OF_ONE:
            raise Problem(429, "Wait for the answer before", slug="assistant-busy", retry_after_s=5)
        if self._answered.total() >= OF_ALL:
            raise Problem(503, "The assistant has too many questions at the moment", retry_after_s=10)
        self._answered[person_id] += 1
        try:
            yield
        finally:
            self._answered -= Counter({person_id: 1})


def _event(part: Delta | Proposal) -> dict[str, Any]:
    return {"delta": part.text} if isinstance(part, Delta) else {"proposal": msgspec.to_builtins(part)}


async def _write(response: web.StreamResponse, event: dict[str, Any]) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(b"data: " + msgspec.json.encode(event) + b"\n\n")


def _source(one: Passage) -> dict[str, str]:
    return {"title": one.title, "url": one.url, "kind": one.kind}
