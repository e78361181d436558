"""The engine behind an address of the OpenAI API: ``POST /chat/completions``, streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from server.features.town.assistant.engines import (
    Delta,
    EngineFailed,
    Failure,
    Message,
    Part,
    Tool,
    ToolCall,
    Usage,
)
from server.features.town.assistant.event_stream import EventStream, TooLong

CONNECT_S: Final = 5.0
MAX_BYTES: Final = 4 << 20
"""Of one answer."""
MAX_CALLS: Final = 4
MAX_ARGUMENTS: Final = 16_000
END: Final = "[DONE]"


class _CalledFunction(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallPiece(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _CalledFunction | None = None


class _Step(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_CallPiece] | None = None


class _Choice(msgspec.Struct):
    delta: _Step | None = None
    finish_reason: str | None = None


class _Used(msgspec.Struct):
    total_tokens: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Used | None = None
    error: Any = None


class Http(Protocol):
    def streamed(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float, connect_s: float
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]: ...

    async def close(self) -> None: ...


class OpenAiApi:
    """``base`` ends before ``/chat/completions``. ``within_s``: for a whole answer."""

    def __init__(
        self, *, http: Http, base: str, key: str | None, model: str, answer_tokens: int, within_s: float
    ) -> None:
        self._http = http
        self._url = base.rstrip("/") + "/chat/completions"
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._model = model
        self._answer_tokens = answer_tokens
        self._within_s = within_s

    async def parts(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Part, None]:
        try:
            async with self._http.streamed(
                self._url,
                body=self._body(messages, tools),
                headers=self._headers,
                timeout_s=self._within_s,
                connect_s=CONNECT_S,
            ) as answer:
                _require_stream(answer)
                async for part in _parts_of(answer.content):
                    yield part
        except TimeoutError:
            raise EngineFailed("late", "the model has not answered in time") from None
        except OSError as error:
            raise EngineFailed("unreachable", str(error)) from None

    async def close(self) -> None:
        await self._http.close()

    def _body(self, messages: Sequence[Message], tools: Sequence[Tool]) -> bytes:
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": [_written(one) for one in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": self._answer_tokens,
        }
        if tools:
            asked["tools"] = [_declared(one) for one in tools]
        return msgspec.json.encode(asked)


def _written(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        written["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in message.calls
        ]
    if message.answers:
        written["tool_call_id"] = message.answers
    return written


def _declared(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.summary, "parameters": tool.parameters}
    return {"type": "function", "function": function}


_OF_STATUS: Final[dict[int, Failure]] = {401: "refused", 403: "refused", 404: "refused", 429: "busy", 503: "busy"}


def _require_stream(answer: aiohttp.ClientResponse) -> None:
    if answer.status != 200:
        failure = _OF_STATUS.get(answer.status, "broken")
        raise EngineFailed(failure, f"the model's server answered {answer.status}")
    if answer.content_type != "text/event-stream":
        raise EngineFailed("broken", f"the model's server answered {answer.content_type}, and no event stream")


async def _parts_of(content: aiohttp.StreamReader) -> AsyncIterator[Part]:
    events, calls, size, is_finished = EventStream(), _Calls(), 0, False
    async for chunk in _chunks(content):
        size += len(chunk)
        if size > MAX_BYTES:
            raise EngineFailed("cut", f"the answer has more than {MAX_BYTES} bytes")
        for data in _events(events, chunk):
            if data == END:
                for call in calls.whole():
                    yield call
                return
            read = _read(data)
            if read.usage is not None and read.usage.total_tokens > 0:
                yield Usage(read.usage.total_tokens)
            for choice in read.choices[:1]:
                is_finished |= choice.finish_reason is not None
                if choice.delta is not None:
                    calls.take(choice.delta.tool_calls or ())
                    if choice.delta.content:
                        yield Delta(choice.delta.content)
    if not is_finished:
        raise EngineFailed("cut", "the answer broke off")
    for call in calls.whole():
        yield call


async def _chunks(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    try:
        async for chunk in content.iter_any():
            yield chunk
    except aiohttp.ClientError:
        raise EngineFailed("cut", "the answer broke off") from None


def _events(events: EventStream, chunk: bytes) -> list[str]:
    try:
        return events.feed(chunk)
    except (TooLong, UnicodeDecodeError):
        raise EngineFailed("broken", "the model's server sends no events that can be read") from None


def _read(data: str) -> _Chunk:
    try:
        read = msgspec.json.decode(data, type=_Chunk)
    except (msgspec.DecodeError, RecursionError):
        raise EngineFailed("broken", "the model's server sends no chunks of a completion") from None
    if read.error is not None:
        raise EngineFailed("broken", "the model's server sent an error in its answer")
    return read


class _Calls:
    """Tool calls, put together of their pieces; what is too much is left out."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._arguments: dict[int, str] = {}

    def take(self, pieces: Sequence[_CallPiece]) -> None:
        for piece in pieces[:MAX_CALLS]:
            if not 0 <= piece.index < MAX_CALLS:
                continue
            if piece.id:
                self._ids[piece.index] = piece.id[:100]
            if piece.function is not None and piece.function.name:
                self._names[piece.index] = piece.function.name[:100]
            if piece.function is not None and piece.function.arguments:
                text = self._arguments.get(piece.index, "") + piece.function.arguments
                self._arguments[piece.index] = text[: MAX_ARGUMENTS + 1]

    def whole(self) -> list[ToolCall]:
        return [
            ToolCall(self._ids.get(index) or f"call-{index}", name, self._arguments.get(index, "{}"))
            for index, name in sorted(self._names.items())
            if len(self._arguments.get(index, "")) <= MAX_ARGUMENTS
        ]
