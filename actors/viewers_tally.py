"""The arithmetic of views: who watches, from which node, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import msgspec

from actors.viewers_messages import ViewerBeat, ViewerCame, ViewerLeft
from actors.viewers_store import ViewRow

MAX_DIRTY = 100_000


def mark_of(view_id: str) -> int:
    return crc32(view_id.encode())


class ViewTally:
    """Counts views; the messages give the time."""

    def __init__(self, *, peak_viewers: int = 0) -> None:
        self.peak_viewers = peak_viewers
        self._watching: dict[str, ViewRow] = {}
        self._counts_of: dict[str, tuple[int, int]] = {}
        self._dirty: dict[str, ViewRow] = {}

    @property
    def viewers(self) -> int:
        return len(self._watching)

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
        self._watching[row.id] = row
        self._shift_count(row, 1)
        self._dirty[row.id] = row
        self.peak_viewers = max(self.peak_viewers, len(self._watching))

    def beat(self, message: ViewerBeat) -> None:
        row = self._watching.get(message.view_id)
        if row is None:
            return
        row.stalled_ms += message.stalled_ms
        row.transport = message.transport or row.transport
        self._advance(row, message.at)

    def left(self, message: ViewerLeft) -> None:
        """End a view; one that is not there changes nothing."""
        row = self._watching.pop(message.view_id, None)
        if row is not None:
            self._shift_count(row, -1)
            self._advance(row, message.at)

    def node_left(self, node: str, at: float) -> None:
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
        """Every view goes on until ``at``."""
        for row in self._watching.values():
            self._advance(row, at)

    @property
    def is_dirty(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._dirty)

    def take_dirty(self) -> list[ViewRow]:
        """Copies of what changed since the last time."""
        rows = [msgspec.structs.replace(row) for row in self._dirty.values()]
        self._dirty.clear()
        return rows

    def put_back(self, rows: Sequence[ViewRow]) -> None:
        """What could not be written is due again, unless it has changed since."""
        for row in rows[: max(0, MAX_DIRTY - len(self._dirty))]:
            self._dirty.setdefault(row.id, row)

    def _advance(self, row: ViewRow, at: float) -> None:
        if at <= row.last_at:
            return
        row.watched_ms += round((at - row.last_at) * 1000)
        row.last_at = at
        self._dirty[row.id] = row
