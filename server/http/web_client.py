"""The browser client: files that a build left in a folder, and one page for every place of the client."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from server.http.conditions import accepts_gzip
from server.http.content import text, without_content, zipped_tag
from server.http.middleware import NOT_FOUND_PAGE, content_policy
from server.http.own_address import OwnAddresses
from server.http.previews import Preview, PreviewOf, head_of
from storage.errors import StorageError

PLACES: Final = (
    "/",
    "/watch/{id}",
    "/popout/chat/{id}",
    "/clips/{id}",
    "/videos",
    "/videos/{id}",
    "/embed/{id}",
    "/overlay/chat",
    "/overlay/alerts",
    "/overlay/poll",
    "/overlay/goals",
    "/live",
    "/live/{rest:.*}",
    "/login",
    "/register",
    "/forgot",
    "/reset",
    "/verify",
    "/undo-email",
    "/unsubscribe",
    "/goodbye",
    "/export",
    "/confirm-provider",
    "/undo-email",
    "/notifications",
    "/messages",
    "/messages/{id}",
    "/posts/{id}",
    "/bookmarks",
    "/dashboard",
    "/explore",
    "/analytics",
    "/dock/{name}",
    "/calls",
    "/calls/{id}",
    "/stage/{token}",
    "/@{username}",
    "/search",
    "/feed",
    "/hashtags/{tag}",
    "/communities",
    "/c/{name}",
    "/c/{name}/{tab}",
    "/c/{name}/events/{event_id}",
    "/ads",
    "/ads/{id}",
    "/courses",
    "/courses/{id}",
    "/lessons/{id}",
    "/lessons/{id}/session",
    "/cohorts/{id}",
    "/certificates/{code}",
    "/projects",
    "/projects/{id}",
    "/projects/{id}/{tab}",
    "/documents/{id}",
    "/assistant",
    "/help",
    "/help/tickets",
    "/help/tickets/{id}",
    "/help/macros",
    "/help/{slug}",
    "/local",
    "/local/new",
    "/local/{id}",
    "/market",
    "/market/new",
    "/market/orders",
    "/market/orders/{id}",
    "/market/sales",
    "/market/{id}",
    "/market/{id}/edit",
    "/admin",
    "/admin/{rest:.*}",
    "/settings",
    "/settings/{rest:.*}",
)

EMBED: Final = "/embed/{id}"
"""The one page that others may show in a frame."""

log = logging.getLogger("server.web_client")

# A build names files by their content, as `index-BxY3k2_a.js`: these never change.
_HASHED = re.compile(r".*[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+")

_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Social Flow</title></head>
<body>
<h1>Social Flow is running</h1>
<p>The browser client has not been built. Build it with</p>
<pre>cd server/web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>and start the server again. The API is described at <a href="/docs">/docs</a>.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    gzipped: bytes | None
    media_type: str
    etag: str
    is_immutable: bool


class WebClient:
    """Serves a build from memory. Only files that were there at the start have an address, so no path leads out."""

    def __init__(
        self,
        *,
        folder: Path,
        previews: Mapping[str, PreviewOf] | None = None,
        addresses: OwnAddresses | None = None,
        site_name: str = "",
        cdn: str = "",
    ) -> None:
        """``previews``: what links to a page show, by its place; made with the origin that ``addresses`` finds.
        ``cdn``: where pages may take media from, beside this server."""
        self._cdn = cdn
        self._previews = previews or {}
        self._addresses = addresses or OwnAddresses(origin="")
        self._site_name = site_name
        self._files = _load(folder)
        self._index = self._files.get("/index.html") or _file("index.html", _NOT_BUILT, None)

    def add_to(self, app: web.Application) -> None:
        app[NOT_FOUND_PAGE] = self._missing
        for place in PLACES:
            app.router.add_get(place, partial(self._page, place))
        for path in self._files:
            app.router.add_get(path.replace("{", "%7B").replace("}", "%7D"), self._asset)

    def _missing(self, request: web.Request) -> web.StreamResponse:
        """The client has a page for addresses that lead nowhere."""
        response = _answer(request, self._index)
        response.set_status(404)
        return response

    async def _page(self, place: str, request: web.Request) -> web.StreamResponse:
        preview = await self._preview(place, request)
        response = _answer(request, self._index) if preview is None else self._with(preview, request)
        if place == EMBED:
            response.headers["Content-Security-Policy"] = content_policy(request.host, ancestors="*", cdn=self._cdn)
        return response

    async def _preview(self, place: str, request: web.Request) -> Preview | None:
        """The page is there without it as well."""
        preview_of = self._previews.get(place)
        if preview_of is None:
            return None
        try:
            return await preview_of(request.match_info)
        except StorageError as error:
            log.info("no preview of %s: %s", place, error)
            return None

    def _with(self, preview: Preview, request: web.Request) -> web.Response:
        """The page with the preview in its head."""
        head = head_of(preview, origin=self._addresses.of(request).origin, site_name=self._site_name)
        before, end, after = self._index.content.decode().partition("</head>")
        body = f"{before}  {head}\n  {end}{after}".encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {"Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Encoding"}
        return text(request, body, etag=etag, headers=headers)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return _answer(request, self._files[request.path])


_NOT_SERVED: Final = frozenset({".gz", ".br", ".map", ".mmdb"})
"""What stands beside other files, or is the server's own."""


def _load(folder: Path) -> dict[str, _File]:
    if not folder.is_dir():
        return {}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in _NOT_SERVED]
    return {"/" + path.relative_to(folder).as_posix(): _read(path) for path in paths}


def _read(path: Path) -> _File:
    gzipped = path.with_name(path.name + ".gz")
    return _file(path.name, path.read_bytes(), gzipped.read_bytes() if gzipped.is_file() else None)


def _file(name: str, content: bytes, gzipped: bytes | None) -> _File:
    media_type = _MEDIA_TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    return _File(content, gzipped, media_type, etag, _HASHED.fullmatch(name) is not None)


# What the system's own table may say differently, or not at all.
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


def _answer(request: web.Request, file: _File) -> web.Response:
    is_zipped = file.gzipped is not None and accepts_gzip(request.headers)
    headers = {
        "ETag": zipped_tag(file.etag) if is_zipped else file.etag,
        "Cache-Control": "public, max-age=31536000, immutable" if file.is_immutable else "no-cache",
        "Vary": "Accept-Encoding",
    }
    ready = without_content(request, headers)
    if ready is not None:
        return ready
    if is_zipped:
        headers["Content-Encoding"] = "gzip"
    charset = "utf-8" if file.media_type.startswith("text/") else None
    body = file.gzipped if is_zipped else file.content
    return web.Response(body=body, content_type=file.media_type, charset=charset, headers=headers)
