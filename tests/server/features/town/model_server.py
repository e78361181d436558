"""An OpenAI-compatible server on loopback: real HTTP, real server-sent events, and every way to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Way = Literal["whole", "hangs", "stops", "html", "cut", "429", "500", "garbage", "endless", "redirect"]
Step = dict[str, Any]
Says = Callable[[dict[str, Any]], Sequence[Step]]
"""From what it was asked to the deltas of its answer."""


def words(text: str) -> list[Step]:
    return [{"content": f"{word} "} for word in text.split()]


def calls(name: str, arguments: Any) -> list[Step]:
    """A tool call whose arguments come in two pieces."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    half = len(text) // 2
    return [
        {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": name, "arguments": text[:half]}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": text[half:]}}]},
    ]


@dataclass
class ModelServer:
    """``asked``: the bodies of the requests. ``left``: set when a client has gone before the end."""

    base: str = ""
    way: Way = "whole"
    says: Says = lambda _: words("Press go live [1].")
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization", ""))
        if self.way in ("429", "500"):
            return web.json_response({"error": "no"}, status=int(self.way))
        if self.way == "html":
            return web.Response(text="<h1>Welcome to nginx</h1>", content_type="text/html")
        if self.way == "redirect":
            raise web.HTTPFound("/elsewhere")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await self._stream(response)
        except ConnectionError:
            self.left.set()
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        if self.way == "hangs":
            await self.ending.wait()
            return
        if self.way == "garbage":
            await response.write(b"data: {not json\n\n")
            return
        for step in self.says(self.asked[-1]):
            await self._send(response, {"choices": [{"delta": step}]})
            if self.way in ("stops", "cut"):
                break
        while self.way == "endless":
            await self._send(response, {"choices": [{"delta": {"content": "and " * 2_000}}]})
            await asyncio.sleep(0)
        if self.way == "stops":
            await self.ending.wait()
        if self.way == "whole":
            await self._send(response, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
            await self._send(response, {"choices": [], "usage": {"total_tokens": 321}})
            await response.write(b"data: [DONE]\n\n")

    async def _send(self, response: web.StreamResponse, chunk: dict[str, Any]) -> None:
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


@asynccontextmanager
async def serving_model() -> AsyncIterator[ModelServer]:
    server = ModelServer()
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/v1/chat/completions", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        server.ending.set()
        await runner.cleanup()
