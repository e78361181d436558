"""``/openapi.json`` and ``/docs``: what can be asked of this server, and a page to try it."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

_FOLDER: Final = Path(__file__).with_name("docs")
_FILES: Final = {
    "/docs": ("docs.html", "text/html"),
    "/docs/docs.css": ("docs.css", "text/css"),
    "/docs/docs.js": ("docs.js", "text/javascript"),
}


class Documentation:
    """Serves the document, given as JSON, and the page over it, from memory."""

    def __init__(self, *, document: bytes) -> None:
        self._pages = {path: (_FOLDER.joinpath(name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}
        self._pages["/openapi.json"] = (document, "application/json")

    def add_to(self, app: web.Application) -> None:
        for path, (content, kind) in self._pages.items():
            app.router.add_get(path, partial(_page, content, kind, _etag(content)))


async def _page(content: bytes, kind: str, etag: str, request: web.Request) -> web.Response:
    headers = {"Cache-Control": "no-cache", "ETag": f'"{etag}"'}
    if any(one.value in {etag, "*"} for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
