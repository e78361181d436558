"""One question and its answer: passages are found, the engine is asked, and where it fails the articles answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from server.features.town.assistant.engines import Delta, Engine, EngineFailed, Message, Part, Usage
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.passages import Passage
from server.features.town.assistant.prompts import Language, cited, question, rules, without_model
from server.features.town.assistant.retrieval import Retrieval

GAP_S: Final = 15.0
"""Between two parts of an answer."""
ANSWER_S: Final = 120.0
MAX_ANSWER: Final = 20_000
CHARACTERS_PER_TOKEN: Final = 3
log = structlog.get_logger(__name__)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """``before``: the messages before it, the oldest first."""

    text: str
    language: Language
    before: Sequence[Message] = ()


class Reply:
    """What has become of a question so far. ``is_whole``: nothing is missing of what the engine had to say."""

    def __init__(self) -> None:
        self.text = ""
        self.passages: Sequence[Passage] = ()
        self.is_whole = False
        self.sent = 0
        self.counted = 0

    def take(self, text: str) -> Delta:
        """What of it fits. Raises ``EngineFailed`` beyond the bound."""
        if len(self.text) >= MAX_ANSWER:
            raise EngineFailed("cut", f"the answer has more than {MAX_ANSWER} characters")
        fits = text.replace("\x00", "")[: MAX_ANSWER - len(self.text)]
        self.text += fits
        return Delta(fits)

    @property
    def sources(self) -> Sequence[Passage]:
        return cited(self.text, self.passages)

    @property
    def tokens(self) -> int:
        """As the engine counts them, or else as the characters suggest."""
        if self.counted or not self.sent:
            return self.counted
        return (self.sent + len(self.text)) // CHARACTERS_PER_TOKEN


class Answering:
    """``engine``: None where the articles alone answer. ``wait_s``: until its first part."""

    def __init__(
        self,
        *,
        engine: Engine | None,
        retrieval: Retrieval,
        figures: Figures,
        site: str,
        wait_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._retrieval = retrieval
        self._figures = figures
        self._site = site
        self._wait_s = wait_s
        self._monotonic = monotonic

    @property
    def has_model(self) -> bool:
        return self._engine is not None

    async def answer(self, asked: Asked, reply: Reply) -> AsyncGenerator[Delta, None]:
        """The answer as it is made, which ``reply`` keeps. A reader that stops closes it."""
        reply.passages = await self._retrieval.passages(asked.text, asked.language)
        try:
            if self._engine is not None:
                async with aclosing(self._engines(self._engine, asked, reply)) as deltas:
                    async for delta in deltas:
                        yield delta
            reply.is_whole = True
        except EngineFailed as error:
            self._figures.failed(error)
            log.warning("the assistant's engine has failed", failure=error.failure, says=str(error))
        if not reply.text:
            yield reply.take(without_model(reply.passages, asked.language, is_away=self._engine is not None))

    async def _engines(self, engine: Engine, asked: Asked, reply: Reply) -> AsyncGenerator[Delta, None]:
        mark = secrets.token_hex(8)
        messages = [
            rules(asked.language, site=self._site, mark=mark),
            *asked.before,
            question(asked.text, reply.passages, mark=mark),
        ]
        began = self._monotonic()
        async with aclosing(self._timed(engine.parts(messages, ()))) as parts:
            async for part in parts:
                reply.sent = sum(len(one.text) for one in messages)
                if isinstance(part, Usage):
                    reply.counted = part.tokens
                elif isinstance(part, Delta) and part.text:
                    if not reply.text:
                        self._figures.began(self._monotonic() - began)
                    yield reply.take(part.text)
        self._figures.answered()

    async def _timed(self, parts: AsyncGenerator[Part, None]) -> AsyncGenerator[Part, None]:
        """Raises ``EngineFailed`` for a part that is late."""
        ends, wait_s = self._monotonic() + ANSWER_S, self._wait_s
        async with aclosing(parts):
            while True:
                try:
                    async with asyncio.timeout(min(wait_s, ends - self._monotonic())):
                        part = await anext(parts)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise EngineFailed("late", f"the model has said nothing for {wait_s:g} s") from None
                yield part
                wait_s = GAP_S
