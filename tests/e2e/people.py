"""Somebody with an account, over the public REST interface."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.e2e.waiting import until

API = "/api/v1"
PASSWORD = "correct horse battery staple"

_numbers = itertools.count(1)


@dataclass
class ApiAnswer:
    status: int
    headers: Any
    body: Any
    text: str


class Api:
    """Requests to one server, as one person or as nobody."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None = None) -> None:
        self.http = http
        self.url = url
        self.token = token

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> ApiAnswer:
        """``path`` below ``/api/v1``, or from the root when it begins with a slash."""
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        address = self.url + (path if path.startswith("/") else f"{API}/{path}")
        if body is not None:
            options["json"] = body
        async with self.http.request(method, address, headers=headers, **options) as response:
            raw = await response.read()
            text = raw.decode(errors="replace")
            is_json = "json" in response.content_type
            return ApiAnswer(
                response.status,
                response.headers,
                await response.json(content_type=None) if is_json and raw else raw,
                text,
            )

    async def done(self, method: str, path: str, body: Any = None, *, status: int | None = None, **options: Any) -> Any:
        """The body of a call that must succeed."""
        answer = await self.call(method, path, body, **options)
        assert answer.status == status if status else answer.status < 300, (
            f"{method} {path}: {answer.status} {answer.text}"
        )
        return answer.body

    async def stream(self, stream_id: str) -> dict[str, Any]:
        return await self.done("GET", f"streams/{stream_id}")

    async def until_stream(
        self, stream_id: str, check: Callable[[dict[str, Any]], Any], *, within_s: float = 30.0
    ) -> dict[str, Any]:
        """The stream once ``check`` holds for it."""

        async def read() -> dict[str, Any] | None:
            stream = await self.stream(stream_id)
            return stream if check(stream) else None

        found = await until(read, within_s=within_s, what=f"a state of the stream {stream_id}")
        assert found is not None
        return found

    async def until_state(self, stream_id: str, state: str, *, within_s: float = 30.0) -> dict[str, Any]:
        return await self.until_stream(stream_id, lambda stream: stream["state"] == state, within_s=within_s)

    async def text(self, path: str, **options: Any) -> str:
        answer = await self.call("GET", path, **options)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.text}"
        return answer.text


class Account(Api):
    """A registered person."""

    def __init__(self, http: aiohttp.ClientSession, url: str, registered: dict[str, Any]) -> None:
        super().__init__(http, url, registered["access_token"])
        self.refresh_token: str = registered["refresh_token"]
        self.id: str = registered["user"]["id"]
        self.username: str = registered["user"]["username"]

    async def prepare(self, title: str = "A stream", **details: Any) -> dict[str, Any]:
        """A new stream: ``{stream, ingest}``."""
        return await self.done("POST", "streams", {"title": title, **details}, status=201)

    async def key(self) -> str:
        """The lasting key."""
        return (await self.done("GET", "me/ingest"))["stream_key"]


async def register(http: aiohttp.ClientSession, url: str, name: str = "person") -> Account:
    username = f"{name}_{os.getpid() % 100_000}_{next(_numbers)}"
    body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
    return Account(http, url, await Api(http, url).done("POST", "auth/register", body, status=201))
