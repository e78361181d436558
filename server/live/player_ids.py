"""The id by which a player without a socket is counted: it stands in the addresses of its multivariant playlist, or in
the address under which it asks for its DASH manifest again.

An id is a UUID and a seal over it and the stream, so that nobody makes one up, and one of another stream is none. What
is not counted by an id asks with ``view=socket``: a page whose socket is counted, and the nodes among each other.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlencode
from uuid import UUID
from xml.sax.saxutils import escape

from aiohttp import web

from server.live.pull import Fetched

BY_SOCKET: Final = "socket"
ENDING: Final = ".m3u8"
MANIFEST: Final = "/manifest.mpd"
PURPOSE: Final = b"player of a stream"
_SEAL_BYTES: Final = 16
_CHARS: Final = 43
_IN_TAG: Final = re.compile(rf'-([A-Za-z0-9_-]{{{_CHARS}}})"')
_ADDRESS: Final = re.compile(r'(?m)(URI=")([^"\n]+\.m3u8[^"\n]*)|^([^#\s][^\s]*\.m3u8\S*)$')


class Seals(Protocol):
    """What is needed of ``Identity``: every node takes every node's seals."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...
    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool: ...


class PlayerIds:
    def __init__(self, *, seals: Seals, new_id: Callable[[], str]) -> None:
        self._seals = seals
        self._new_id = new_id

    def make(self, stream_id: str) -> str:
        body = UUID(self._new_id()).bytes
        seal = self._seals.seal(PURPOSE + stream_id.encode(), body)[:_SEAL_BYTES]
        return base64.urlsafe_b64encode(body + seal).decode().rstrip("=")

    def read(self, stream_id: str, text: str) -> str | None:
        """The UUID; None for what no node made for this stream. ``text`` may end as it does in an address."""
        text = text.removesuffix(ENDING)
        if len(text) != _CHARS:
            return None
        try:
            raw = base64.urlsafe_b64decode(text + "=")
        except (binascii.Error, ValueError):
            return None
        body, seal = raw[:16], raw[16:]
        return str(UUID(bytes=body)) if self._seals.is_sealed(PURPOSE + stream_id.encode(), body, seal) else None

    def for_index(self, stream_id: str, request: web.Request) -> str | None:
        """The id that a multivariant playlist or a manifest carries; None where none belongs.

        A player that has it keeps its id. A CDN (RFC 8586) gives one to many, so it carries none.
        """
        held = request.query.get("view")
        if held is not None or "CDN-Loop" in request.headers:
            is_manifest = request.path.endswith(MANIFEST)
            return held if is_manifest and held is not None and self.read(stream_id, held) is not None else None
        known = _IN_TAG.search(request.headers.get("If-None-Match", ""))
        if known is not None and self.read(stream_id, known[1]) is not None:
            return known[1]
        return self.make(stream_id)


def with_player(playlist: bytes, player: str) -> bytes:
    """A multivariant playlist whose addresses carry the id. They end as before, since there are programs that know a
    playlist by how its address ends."""

    def addressed(match: re.Match[str]) -> str:
        address = match[2] or match[3]
        return f"{match[1] or ''}{address}{'&' if '?' in address else '?'}view={player}{ENDING}"

    return _ADDRESS.sub(addressed, playlist.decode()).encode()


def with_location(manifest: bytes, *, query: str, player: str) -> bytes:
    """A live manifest that is asked for again with the id (ISO/IEC 23009-1, 5.3.1.2: ``Location``), and else with the
    ``query`` that it was asked for with."""
    head, line, rest = manifest.partition(b'type="dynamic"')
    attributes, end, content = rest.partition(b">")
    if not line:
        return manifest
    asked = [*_without_id(query), ("view", player)]
    location = escape(f"manifest.mpd?{urlencode(asked)}").encode()
    return b"".join([head, line, attributes, end, b"\n  <Location>", location, b"</Location>", content])


def _without_id(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(query, True) if name != "view"]


def tag_with(etag: str, player: str) -> str:
    """The entity tag of such a playlist."""
    return f'{etag[:-1]}-{player}"'


def named(fetched: Fetched, player: str, *, change: Callable[[bytes], bytes]) -> Fetched:
    """Another node's multivariant playlist or manifest, for one player: no CDN keeps it."""
    headers = {name: value for name, value in fetched.headers.items() if name != "CDN-Cache-Control"}
    headers["ETag"] = tag_with(headers["ETag"], player)
    return Fetched(fetched.status, headers, change(fetched.body))


def between_nodes(request: web.Request, *, is_index: bool) -> str:
    """The path and query under which another node is asked: many players' requests are one there, and uncounted."""
    query = urlencode([*_without_id(request.query_string), *([("view", BY_SOCKET)] if is_index else [])])
    return request.path + (f"?{query}" if query else "")
