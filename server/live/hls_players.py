"""How HLS and DASH players that no socket counts are counted: by an id in the addresses that they go on with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from actors.events import StreamView
from media.hls.answers import Rendered
from server.live.player_ids import (
    BY_SOCKET,
    MANIFEST,
    PlayerIds,
    between_nodes,
    named,
    tag_with,
    with_location,
    with_player,
)
from server.live.players import Players
from server.live.pull import Pull
from server.live.viewings import Viewer

ON_AIR: Final = ("live", "interrupted")
DASH: Final = "dash:source"
"""A manifest does not tell which of its renditions is played."""


def transport_of(rendition: str) -> str:
    """Of an HLS player that asks for this rendition's playlist."""
    return f"hls:{'source' if rendition == 'video' else rendition}"


def _change(request: web.Request, player: str) -> Callable[[bytes], bytes]:
    """Puts a player's id into what it asks for."""
    if not request.path.endswith(MANIFEST):
        return partial(with_player, player=player)
    return partial(with_location, query=request.query_string, player=player)


class HlsPlayers:
    """What is over is not counted."""

    def __init__(self, *, players: Players, ids: PlayerIds) -> None:
        self._players = players
        self._ids = ids

    def for_index(self, request: web.Request, view: StreamView) -> str | None:
        """The id that this multivariant playlist or manifest carries, if any."""
        return self._ids.for_index(view.id, request) if view.state in ON_AIR else None

    def named(self, answer: Rendered, player: str, request: web.Request) -> Rendered:
        body, etag = _change(request, player)(answer.body), tag_with(answer.etag, player)
        return msgspec.structs.replace(answer, body=body, etag=etag)

    async def pulled(
        self, pull: Pull, request: web.Request, view: StreamView, *, readdress: tuple[str, str]
    ) -> web.Response:
        """The answer of the node that has the stream; it counts nobody. Raises a 503.

        ``readdress``: the part of the path that stands for the stream here, and there."""
        is_index = request.path.endswith(("/index.m3u8", MANIFEST))
        path = between_nodes(request, is_index=is_index).replace(*readdress, 1)
        player = self.for_index(request, view) if is_index else None
        change = None if player is None else partial(named, player=player, change=_change(request, player))
        return await pull.answer(view.media_node, request, path=path, change=change)

    def count(self, request: web.Request, view: StreamView, viewer: Viewer, *, transport: str, address: str) -> None:
        """The player that asks for a rendition's playlist, or for the manifest again. An id that no node made for this
        stream counts nobody."""
        player = request.query.get("view", BY_SOCKET)
        if player == BY_SOCKET or view.state not in ON_AIR:
            return
        view_id = self._ids.read(view.id, player)
        if view_id is not None:
            self._players.seen(view.id, view_id, viewer=viewer, address=address, transport=transport)
