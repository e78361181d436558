"""The arithmetic of views: who watches, from which node, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import msgspec

from actors.viewers_messages import PlayersLeft, PlayersSeen, SeenPlayer, ViewerBeat, ViewerCame, ViewerLeft
from actors.viewers_store import ViewRow

MAX_DIRTY = 100_000
MAX_PLAYERS = 200_000
MAX_TRANSPORTS = 8
PLAYER_SILENT_S = 12.0
"""A player's node reports it every 4 s while it is there."""
UNKNOWN, OTHER = "", "other"


def mark_of(view_id: str) -> int:
    return crc32(view_id.encode())


class ViewTally:
    """Counts views; the messages give the time."""

    def __init__(self, *, peak_viewers: int = 0) -> None:
        self.peak_viewers = peak_viewers
        self._watching: dict[str, ViewRow] = {}
        self._players: dict[str, ViewRow] = {}
        self._counts_of: dict[str, tuple[int, int]] = {}
        self._dirty: dict[str, ViewRow] = {}

    @property
    def viewers(self) -> int:
        return len(self._watching) + len(self._players)

    def came(self, message: ViewerCame) -> None:
        """Count a view; the same view again changes nothing."""
        if message.view_id in self._watching:
            return
        started_at = message.at if message.since is None else min(message.since, message.at)
        row = ViewRow(
            id=message.view_id,
            viewer=message.viewer,
            user_id=message.user_id,
            started_at=started_at,
            last_at=message.at,
            watched_ms=round((message.at - started_at) * 1000),
            node=message.node,
        )
        row.watched_by = {UNKNOWN: row.watched_ms} if row.watched_ms else {}
        self._watching[row.id] = row
        self._shift_count(row, 1)
        self._begun(row)

    def _begun(self, row: ViewRow) -> None:
        self._dirty[row.id] = row
        self.peak_viewers = max(self.peak_viewers, self.viewers)

    def beat(self, message: ViewerBeat) -> None:
        row = self._watching.get(message.view_id)
        if row is None:
            return
        row.stalled_ms += message.stalled_ms
        if message.latency_ms is not None:
            _add_latency(row, message.latency_ms)
        self._advance(row, message.at)
        _move(row, message.transport or row.transport)

    def left(self, message: ViewerLeft) -> None:
        """End a view; one that is not there changes nothing."""
        row = self._watching.pop(message.view_id, None)
        if row is not None:
            self._shift_count(row, -1)
            self._advance(row, message.at)

    def seen(self, message: PlayersSeen) -> None:
        """Count players that are new, and go on with the others."""
        for player in message.players:
            row = self._players.get(player.view_id)
            if row is None:
                self._add_player(player, message)
            else:
                row.node = message.node
                self._advance(row, message.at)
                _move(row, player.transport)

    def _add_player(self, player: SeenPlayer, message: PlayersSeen) -> None:
        if len(self._players) >= MAX_PLAYERS:
            return
        started_at = min(player.since, message.at)
        watched_ms = round((message.at - started_at) * 1000)
        row = ViewRow(
            id=player.view_id,
            viewer=player.user_id or player.view_id,
            user_id=player.user_id,
            started_at=started_at,
            last_at=message.at,
            watched_ms=watched_ms,
            transport=player.transport,
            node=message.node,
            watched_by={player.transport: watched_ms} if watched_ms else {},
        )
        self._players[row.id] = row
        self._begun(row)

    def players_left(self, message: PlayersLeft) -> None:
        for view_id in message.view_ids:
            row = self._players.get(view_id)
            if row is not None and row.node == message.node:
                self._end_player(row, message.at)

    def expire(self, at: float) -> int:
        """End the players that have been silent for too long, as of when they were last seen; how many."""
        silent = [row for row in self._players.values() if at - row.last_at >= PLAYER_SILENT_S]
        for row in silent:
            self._end_player(row, row.last_at)
        return len(silent)

    def _end_player(self, row: ViewRow, at: float) -> None:
        del self._players[row.id]
        self._advance(row, at)

    def node_left(self, node: str, at: float) -> None:
        """End the views of a node's sockets, and its players'."""
        self.sockets_left(node, at)
        for row in [row for row in self._players.values() if row.node == node]:
            self._end_player(row, row.last_at)

    def sockets_left(self, node: str, at: float) -> None:
        """End the views of a node's sockets."""
        for view_id in [row.id for row in self._watching.values() if row.node == node]:
            self.left(ViewerLeft(view_id=view_id, at=at))

    def count_of(self, node: str) -> tuple[int, int]:
        """What ``ViewersHere`` of that node must say: how many, and their marks."""
        return self._counts_of.get(node, (0, 0))

    def _shift_count(self, row: ViewRow, by: int) -> None:
        viewers, marks = self.count_of(row.node)
        if viewers + by:
            self._counts_of[row.node] = viewers + by, marks ^ mark_of(row.id)
        else:
            del self._counts_of[row.node]

    def advance(self, at: float) -> None:
        """Every socket's view goes on until ``at``; a player's until it was last seen."""
        for row in self._watching.values():
            self._advance(row, at)

    @property
    def is_dirty(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._dirty)

    def take_dirty(self) -> list[ViewRow]:
        """Copies of what changed since the last time."""
        rows = [msgspec.structs.replace(row, watched_by=dict(row.watched_by)) for row in self._dirty.values()]
        self._dirty.clear()
        return rows

    def put_back(self, rows: Sequence[ViewRow]) -> None:
        """What could not be written is due again, unless it has changed since."""
        for row in rows[: max(0, MAX_DIRTY - len(self._dirty))]:
            self._dirty.setdefault(row.id, row)

    def _advance(self, row: ViewRow, at: float) -> None:
        if at <= row.last_at:
            return
        grown_ms = round((at - row.last_at) * 1000)
        row.watched_ms += grown_ms
        is_known = row.transport in row.watched_by or len(row.watched_by) < MAX_TRANSPORTS
        transport = row.transport if is_known else OTHER
        row.watched_by[transport] = row.watched_by.get(transport, 0) + grown_ms
        row.last_at = at
        self._dirty[row.id] = row


def _move(row: ViewRow, transport: str) -> None:
    """From here on it is watched so; and before, where that is not known."""
    row.transport = transport
    if transport and UNKNOWN in row.watched_by:
        row.watched_by[transport] = row.watched_by.get(transport, 0) + row.watched_by.pop(UNKNOWN)


def _add_latency(row: ViewRow, latency_ms: int) -> None:
    row.latency_ms = round((row.latency_ms * row.latency_reports + latency_ms) / (row.latency_reports + 1))
    row.latency_reports += 1
