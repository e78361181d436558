"""The messages of a stream's viewer counter, and what it answers."""

from __future__ import annotations

import msgspec

from actors.runtime import Ask, Message


class ViewerCame(Message, frozen=True, kw_only=True):
    """A socket began to watch. ``viewer`` is the person's id, or a guest's; ``at`` is the wall clock in seconds.

    ``since``: it began earlier, and the counter is new. ``node`` is where the socket is. A guest is the same
    viewer as long as the socket lives: one who comes back counts as another.
    """

    view_id: str
    viewer: str
    user_id: str | None
    at: float
    since: float | None = None
    node: str = ""


class ViewerBeat(Message, frozen=True, kw_only=True):
    view_id: str
    at: float
    stalled_ms: int = 0
    transport: str = ""
    latency_ms: int | None = None


class ViewerLeft(Message, frozen=True, kw_only=True):
    view_id: str
    at: float


class SeenPlayer(msgspec.Struct, frozen=True, kw_only=True):
    """A player that no socket counts. ``transport``: as ``hls:720p``. ``since``: when its node first saw it."""

    view_id: str
    user_id: str | None
    since: float
    transport: str


class PlayersSeen(Message, frozen=True, kw_only=True):
    """These players are there. One that no node has seen for ``PLAYER_SILENT_S`` has gone."""

    node: str
    players: tuple[SeenPlayer, ...]
    at: float


class PlayersLeft(Message, frozen=True, kw_only=True):
    """These have left that node; they count on where another one has seen them since."""

    node: str
    view_ids: tuple[str, ...]
    at: float


class ViewersHere(Message, frozen=True, kw_only=True):
    """How many views of the stream a node has, and their ``mark_of`` combined by exclusive or.

    The node sends it now and then, in order with the messages of each view: the counter notices what was lost.
    """

    node: str
    viewers: int
    marks: int
    at: float


class NodeLeft(Message, frozen=True, kw_only=True):
    node: str
    at: float


class ViewTotals(msgspec.Struct, frozen=True, kw_only=True):
    viewers: int
    peak_viewers: int


class CountViewers(Ask[ViewTotals], frozen=True, kw_only=True):
    is_repeatable = True
