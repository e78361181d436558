"""``/openapi.json``, ``/asyncapi.json`` and ``/docs``: what can be asked of this server, and a page to try it."""

from __future__ import annotations

import hashlib
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
    """Serves the documents, given as JSON, and the page over them, from memory."""

    def __init__(self, *, document: bytes, events: bytes) -> None:
        self._pages = {path: (_FOLDER.joinpath(name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}
        self._pages["/openapi.json"] = (document, "application/json")
        self._pages["/asyncapi.json"] = (events, "application/json")

    def add_to(self, app: web.Application) -> None:
        for path, (body, kind) in self._pages.items():
            app.router.add_get(path, partial(_page, body, kind, _etag(body)))


async def _page(body: bytes, kind: str, etag: str, request: web.Request) -> web.Response:
    headers = {"Cache-Control": "no-cache", "Content-Type": f"{kind}; charset=utf-8"}
    return content.text(request, body, etag=etag, headers=headers)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'
