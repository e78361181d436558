"""``/api/v1/assistant``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec
from aiohttp import web

from server.features.town.assistant.answering import Answering, Asked, Reply
from server.features.town.assistant.budget import Budget, Taken
from server.features.town.assistant.passages import Passage
from server.features.town.assistant.shapes import AskBody, AssistantShape
from server.features.town.help.articles import language_of
from server.http.errors import Problem
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation
from storage.postgres import Database

TAG: Final = "assistant"
ASKING: Final = CallRate("assistant", per_s=0.2, burst=10)
OF_ONE: Final = 2
"""Answers to a person at a time on a node."""
OF_ALL: Final = 100
WRITE_S: Final = 30.0
"""That a client has to take a part of its answer."""
TOKENS_OF_PROMPT: Final = 4_000
"""Set aside for rules, passages and the messages before, until it is known."""
STREAM: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
EVENTS: Final = (
    "Server-sent events, each a JSON object: `{delta}` (the next characters), and last "
    "`{sources, complete}`; `complete` is false where the model failed or broke off"
)


class AssistantRoutes:
    """``answering``: None where the operator wants no assistant."""

    def __init__(self, *, db: Database, answering: Answering | None, budget: Budget, most: int) -> None:
        self._db = db
        self._answering = answering
        self._budget = budget
        self._most = most
        self._answered: Counter[str] = Counter()

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "problems": frozenset({404})}
        return [
            Operation(
                method="GET", path="/api/v1/assistant", handler=self._state, name="getAssistant",
                answers={200: AssistantShape}, summary="Whether there is an assistant, and what you may ask it today",
                **mine,
            ),
            Operation(
                method="POST", path="/api/v1/assistant/messages", handler=self._ask, name="askAssistant",
                body=AskBody, answers={200: MediaType(media_type="text/event-stream", description=EVENTS)},
                account_rate=ASKING, summary="Ask the assistant; it answers from what you may see, in your language",
                **(mine | {"problems": frozenset({404, 429, 503})}),
            ),
        ]  # fmt: skip

    async def _state(self, call: Call[None, None]) -> Answer:
        has_model = self._there().has_model
        left = await self._budget.left(call.me.id)
        return Answer(
            body=AssistantShape(
                engine="model" if has_model else "articles",
                questions_left=left.questions,
                tokens_left=left.tokens,
                resets_at=left.until,
            )
        )

    async def _ask(self, call: Call[AskBody, None]) -> web.StreamResponse:
        answering, reply, text = self._there(), Reply(), call.body.text
        with self._place(call.me.id):
            taken = await self._taken(call.me.id, self._most + TOKENS_OF_PROMPT if answering.has_model else 0)
            asked = Asked(text=text, language=language_of(text, ""))
            response = web.StreamResponse(headers=STREAM)
            await response.prepare(call.request)
            try:
                async with aclosing(answering.answer(asked, reply)) as deltas:
                    async for delta in deltas:
                        await _write(response, {"delta": delta.text})
            finally:
                await self._budget.settle(taken, reply.tokens)
            await _write(response, {"sources": [_source(one) for one in reply.sources], "complete": reply.is_whole})
            await response.write_eof()
        return response

    async def _taken(self, person_id: str, tokens: int) -> Taken:
        async with self._db.transaction() as tx:
            return await self._budget.take(tx, person_id, tokens)

    def _there(self) -> Answering:
        if self._answering is None:
            raise Problem(404, "This server has no assistant", slug="assistant-off")
        return self._answering

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


async def _write(response: web.StreamResponse, event: dict[str, Any]) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(b"data: " + msgspec.json.encode(event) + b"\n\n")


def _source(one: Passage) -> dict[str, str]:
    return {"title": one.title, "url": one.url, "kind": one.kind}
