"""``/openapi.json``, ``/asyncapi.json`` and ``/docs``: what can be asked of this server, and a page to try it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from server.http import content

_FOLDER: Final = Path(__file__).with_name("docs")
_FILES: Final = {
    "/docs": ("docs.html", "text/html"),
    "/docs/docs.css": ("docs.css", "text/css"),
    "/docs/docs.js": ("docs.js", "text/javascript"),
    "/docs/events.js": ("events.js", "text/javascript"),
}


class Documentation:
    """Serves the documents, given as what makes their JSON, and the page over them, from memory.

    A document is made when it is first asked for, in a thread: most starts of a server never need it, and making it
    takes longer than the rest of the wiring. It is made of models that are there since the import, and cannot fail for
    what a client sends.
    """

    def __init__(self, *, document: Callable[[], bytes], events: Callable[[], bytes]) -> None:
        self._pages = [
            *(_Page(partial(_FOLDER.joinpath(name).read_bytes), kind) for name, kind in _FILES.values()),
            _Page(document, "application/json"),
            _Page(events, "application/json"),
        ]

    def add_to(self, app: web.Application) -> None:
        for path, page in zip((*_FILES, "/openapi.json", "/asyncapi.json"), self._pages, strict=True):
            app.router.add_get(path, page.answer)


class _Page:
    """One body, made once."""

    def __init__(self, make: Callable[[], bytes], kind: str) -> None:
        self._make = make
        self._headers = {"Cache-Control": "no-cache", "Content-Type": f"{kind}; charset=utf-8"}
        self._made: asyncio.Future[tuple[bytes, str]] | None = None

    async def answer(self, request: web.Request) -> web.Response:
        if self._made is None:
            self._made = asyncio.ensure_future(asyncio.to_thread(self._body))
        body, etag = await asyncio.shield(self._made)
        return content.text(request, body, etag=etag, headers=dict(self._headers))

    def _body(self) -> tuple[bytes, str]:
        body = self._make()
        return body, _etag(body)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'
