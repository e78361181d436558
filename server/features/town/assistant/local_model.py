"""The engine of a file: a model that llama.cpp runs in a process of this node, asked as one behind an address is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final

from server.features.town.assistant.engines import EngineFailed, Message, Part, Tool
from server.features.town.assistant.openai_api import OpenAiApi
from server.llama.process import LlamaProcess, ModelAway
from server.outbound.unix_http import UnixHttp

MAX_ASKERS: Final = 8
"""One is answered, the others wait."""
BASE: Final = "http://model"
FREE_S: Final = 10.0
"""That it has, after an answer that nobody read to its end, to say that it can be asked again."""
ENDING_S: Final = 1.0


class LocalModel:
    """``within_s``: for a whole answer. One at a time, in the order of asking."""

    def __init__(self, *, process: LlamaProcess, answer_tokens: int, within_s: float) -> None:
        self._process = process
        self._answer_tokens = answer_tokens
        self._within_s = within_s
        self._turn = asyncio.Lock()
        self._askers = 0
        self._is_doubtful = False

    async def parts(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Part, None]:
        if self._askers >= MAX_ASKERS:
            raise EngineFailed("busy", f"{MAX_ASKERS} answers of the model are under way or waited for")
        self._askers += 1
        try:
            async with self._turn, aclosing(self._answer(messages, tools)) as parts:
                async for part in parts:
                    yield part
        finally:
            self._askers -= 1

    def begin(self) -> None:
        """Have the file read before the first question comes."""
        self._process.begin()

    async def close(self) -> None:
        await self._process.close()

    async def _answer(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Part, None]:
        http = UnixHttp(await self._ready())
        api = OpenAiApi(
            http=http, base=BASE, key=None, model="", answer_tokens=self._answer_tokens, within_s=self._within_s
        )
        self._is_doubtful = True
        try:
            async with aclosing(api.parts(messages, tools)) as parts:
                async for part in parts:
                    yield part
            self._is_doubtful = False
            self._process.answered()
        except EngineFailed as error:
            says = await self._process.ended(ENDING_S) if error.failure in ("cut", "unreachable") else ""
            raise EngineFailed(error.failure, says or str(error)) from None
        finally:
            await http.close()

    async def _ready(self) -> Path:
        """The socket of one that can be asked. Raises ``EngineFailed``."""
        try:
            address = await self._process.address()
            if self._is_doubtful and not await _is_free(address):
                await self._process.end("it does not answer")
                address = await self._process.address()
        except ModelAway as error:
            raise EngineFailed("unreachable", str(error)) from None
        return address


async def _is_free(address: Path) -> bool:
    """Whether it takes orders: this one comes after all that it was given before."""
    http = UnixHttp(address)
    try:
        return await http.status(f"{BASE}/slots", FREE_S) == 200
    except (OSError, TimeoutError):
        return False
    finally:
        await http.close()
