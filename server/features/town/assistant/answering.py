"""One question and its answer: passages are found, the engine is asked, and where it fails the articles answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from server.features.town.assistant.engines import Delta, Engine, EngineFailed, Message, Part, Tool, ToolCall, Usage
from server.features.town.assistant.figures import Figures
from server.features.town.assistant.passages import Passage
from server.features.town.assistant.prompts import (
    Language,
    cited,
    listed,
    only_proposed,
    question,
    rules,
    without_model,
)
from server.features.town.assistant.proposals import Proposal
from server.features.town.assistant.retrieval import Retrieval
from server.features.town.assistant.tools import Result, Tools
from server.live.viewings import Viewer

GAP_S: Final = 15.0
"""Between two parts of an answer."""
ANSWER_S: Final = 120.0
MAX_ANSWER: Final = 20_000
MAX_TURNS: Final = 3
"""That an engine has for an answer: in the last it is offered no tools."""
MAX_CALLS: Final = 4
"""Of tools, for an answer."""
CHARACTERS_PER_TOKEN: Final = 3
log = structlog.get_logger(__name__)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """``before``: the messages before it, the oldest first."""

    text: str
    language: Language
    asker: Viewer
    before: Sequence[Message] = ()


class Reply:
    """What has become of a question so far. ``is_whole``: nothing is missing of what the engine had to say."""

    def __init__(self) -> None:
        self.text = ""
        self.passages: list[Passage] = []
        self.proposal: Proposal | None = None
        self.calls = 0
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
        tools: Tools,
        figures: Figures,
        site: str,
        wait_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._retrieval = retrieval
        self._tools = tools
        self._figures = figures
        self._site = site
        self._wait_s = wait_s
        self._monotonic = monotonic

    @property
    def has_model(self) -> bool:
        return self._engine is not None

    async def answer(self, asked: Asked, reply: Reply) -> AsyncGenerator[Delta | Proposal, None]:
        """The answer as it is made, which ``reply`` keeps. A reader that stops closes it."""
        reply.passages = list(await self._retrieval.passages(asked.text, asked.language, asked.asker))
        found = list(reply.passages)
        try:
            if self._engine is not None:
                async with aclosing(self._engines(self._engine, asked, reply)) as parts:
                    async for part in parts:
                        yield part
            reply.is_whole = True
        except EngineFailed as error:
            self._figures.failed(error)
            log.warning("the assistant's engine has failed", failure=error.failure, says=str(error))
        if not reply.text and reply.proposal is not None:
            yield reply.take(only_proposed(asked.language))
        elif not reply.text:
            yield reply.take(without_model(found, asked.language, is_away=self._engine is not None))

    async def _engines(self, engine: Engine, asked: Asked, reply: Reply) -> AsyncGenerator[Delta | Proposal, None]:
        mark = secrets.token_hex(8)
        messages = [
            rules(asked.language, site=self._site, mark=mark),
            *asked.before,
            question(asked.text, reply.passages, mark=mark),
        ]
        for turn in range(1, MAX_TURNS + 1):
            calls: list[ToolCall] = []
            before = len(reply.text)
            tools = self._tools.declared if turn < MAX_TURNS else ()
            async with aclosing(self._turn(engine, messages, tools, reply, calls)) as deltas:
                async for delta in deltas:
                    yield delta
            if not calls or not tools:
                break
            messages.append(Message(role="assistant", text=reply.text[before:], calls=calls))
            for call in calls:
                result = await self._called(call, asked, reply)
                messages.append(Message(role="tool", text=_told(result, reply, mark), answers=call.id))
                if result.proposal is not None:
                    yield result.proposal
        self._figures.answered()

    async def _turn(
        self, engine: Engine, messages: Sequence[Message], tools: Sequence[Tool], reply: Reply, calls: list[ToolCall]
    ) -> AsyncGenerator[Delta, None]:
        began = self._monotonic()
        async with aclosing(self._timed(engine.parts(messages, tools))) as parts:
            async for part in parts:
                if isinstance(part, Usage):
                    reply.counted += part.tokens
                elif isinstance(part, ToolCall):
                    calls.append(part)
                elif part.text:
                    if not reply.text:
                        self._figures.began(self._monotonic() - began)
                    yield reply.take(part.text)
                reply.sent = max(reply.sent, sum(len(one.text) for one in messages))

    async def _called(self, call: ToolCall, asked: Asked, reply: Reply) -> Result:
        reply.calls += 1
        if reply.calls > MAX_CALLS:
            return Result(says="That is enough.")
        result = await self._tools.called(call, asked.asker, may_propose=reply.proposal is None)
        reply.proposal = reply.proposal or result.proposal
        return result

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


def _told(result: Result, reply: Reply, mark: str) -> str:
    """What a tool has found goes on with the numbers of the passages, between the same marks."""
    if not result.passages:
        return result.says
    first = len(reply.passages) + 1
    reply.passages.extend(result.passages)
    return f"{mark}\n{listed(result.passages, first)}\n{mark}"
