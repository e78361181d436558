"""Media of streams that are published on another node: fetched from there once, however many ask for it here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import aiohttp
import msgspec
from aiohttp import web

from server.http import content
from server.http.errors import Problem

FETCH_S: Final = 15.0
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
MAX_UNDER_WAY: Final = 2_000
KEPT_HEADERS: Final = ("Content-Type", "Cache-Control", "CDN-Cache-Control", "ETag", "Age", "Retry-After")


class Fetched(msgspec.Struct, frozen=True):
    """A node's whole answer; ``headers`` are those of ``KEPT_HEADERS`` that it has."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_immutable(self) -> bool:
        return self.status == 200 and "immutable" in self.headers.get("Cache-Control", "")


class Pull:
    """Fetches over the nodes' internal HTTP. Equal requests under way are one; what never changes is kept, bounded in
    bytes, the longest unused going first.
    """

    def __init__(self, *, address_of: Callable[[str], str]) -> None:
        """``address_of`` a node's name: where its internal HTTP is, empty when the node is not known (any more)."""
        self._address_of = address_of
        self._kept: OrderedDict[str, Fetched] = OrderedDict()
        self._kept_bytes = 0
        self._under_way: dict[str, asyncio.Task[Fetched]] = {}
        self._session: aiohttp.ClientSession | None = None

    def can_reach(self, node: str) -> bool:
        return bool(self._address_of(node))

    async def close(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def forget(self, stream_id: str) -> None:
        """The stream has gone, or may not be seen by those for whom this was kept."""
        for key in [key for key in self._kept if f"/hls/{stream_id}" in key]:
            self._kept_bytes -= len(self._kept.pop(key).body)

    async def answer(
        self, node: str, request: web.Request, *, path: str = "", change: Callable[[Fetched], Fetched] | None = None
    ) -> web.Response:
        """What the node answers to this request, or to ``path``. ``change``: what this client gets in its place.

        Raises a 503 when the node does not answer.
        """
        path = path or request.path_qs
        fetched = await self.fetch(node, path, authorization=request.headers.get("Authorization", ""))
        if change is not None and fetched.status == 200:
            fetched = change(fetched)
        headers = {name: value for name, value in fetched.headers.items() if name != "ETag"}
        etag = fetched.headers.get("ETag")
        if fetched.status != 200 or etag is None:
            return web.Response(status=fetched.status, headers=fetched.headers, body=fetched.body)
        answer = content.held if headers.get("Content-Type", "").startswith(("video/", "image/")) else content.text
        return answer(request, fetched.body, etag=etag, headers=headers)

    async def fetch(self, node: str, path: str, *, authorization: str = "") -> Fetched:
        """The node's answer to a GET. Raises a 503 when it does not answer."""
        key = f"{authorization} {path}"
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= MAX_UNDER_WAY:
                raise Problem(503, "Too much is being fetched at the moment", retry_after_s=1.0)
            task = asyncio.get_running_loop().create_task(self._ask(node, path, authorization), name=f"pull {path}")
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        fetched = await asyncio.shield(task)
        if fetched.is_immutable:
            self._keep(key, fetched)
        return fetched

    async def _ask(self, node: str, path: str, authorization: str) -> Fetched:
        address = self._address_of(node)
        if not address:
            raise _away()
        # Not compressed: the tag is of the plain form, and what a client takes is seen to here.
        headers = {"Accept-Encoding": "identity", **({"Authorization": authorization} if authorization else {})}
        try:
            async with (
                asyncio.timeout(FETCH_S),
                self._http().get(address + path, headers=headers, allow_redirects=False) as answer,
            ):
                body = await _whole(answer.content)
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise _away() from None
        if len(body) > MAX_BODY_BYTES:
            raise Problem(503, "The file is too large to be fetched from its node", retry_after_s=5.0)
        return Fetched(
            answer.status, {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}, body
        )

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=True)
        return self._session

    def _keep(self, key: str, fetched: Fetched) -> None:
        if key in self._kept:
            return
        self._kept[key] = fetched
        self._kept_bytes += len(fetched.body)
        while self._kept_bytes > MAX_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest.body)


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """All of it, or one byte more than is taken."""
    parts, size = [], 0
    async for part in content.iter_chunked(256 * 1024):
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            break
    return b"".join(parts)


def _away() -> Problem:
    return Problem(503, "The node that has this stream does not answer", retry_after_s=1.0)
