"""Who watches a stream: exact live count, peak, unique viewers and watch time.

``ViewTally`` is the arithmetic, pure; ``ViewCounter`` is the actor that hears of sockets, announces the count at most
once a second and writes the watch time in batches: at most ``FLUSH_S`` of it can be lost with the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from zlib import crc32

import msgspec

from actors.events import Broadcast, CounterOpened, ViewersCounted
from actors.runtime import Actor, ActorError, ActorId, Ask, Fence, Message, Unavailable, handles
from actors.stream import KeepViewers

ANNOUNCE_S = 1.0
FLUSH_S = 5.0
RECOUNT_S = 1.0
"""How long at most no count is told while a node says again who watches there."""
OPENING_S = 0.5
"""How long a counter that is not the stream's first tells nothing, while all nodes say who watches there."""
MAX_DIRTY = 100_000


class ViewerCame(Message, frozen=True, kw_only=True):
    """A socket began to watch. ``viewer`` is the person's id, or a guest's; ``at`` is the wall clock in seconds.

    ``since``: it began earlier, and the counter is new. ``node`` is where the socket is. A guest is as long the same
    viewer as the socket lives: whoever comes back without an account counts as another.
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


class ViewerLeft(Message, frozen=True, kw_only=True):
    view_id: str
    at: float


class ViewersHere(Message, frozen=True, kw_only=True):
    """How many views of the stream a node has, and their ``mark_of`` combined by exclusive or: said now and then, in
    order with what it says of each, so that whatever was lost on the way is noticed.
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


class _Tick(Message, frozen=True, kw_only=True):
    pass


class _Recounted(Message, frozen=True, kw_only=True):
    pass


class _Flush(Message, frozen=True, kw_only=True):
    pass


class ViewRow(msgspec.Struct, kw_only=True):
    """One time somebody watched; written again, whole, as it grows."""

    id: str
    viewer: str
    user_id: str | None
    started_at: float
    last_at: float
    watched_ms: int = 0
    stalled_ms: int = 0
    transport: str = ""
    node: str = ""


class StoredTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Of the stream since its creation, as far as it was written."""

    peak_viewers: int = 0
    unique_viewers: int = 0
    watched_ms: int = 0


class ViewStore(Protocol):
    """Durable side: an upsert by view id. Raises ``Unavailable`` and ``Fenced``."""

    async def flush(
        self, stream_id: str, rows: Sequence[ViewRow], *, peak_viewers: int, fence: Fence
    ) -> StoredTotals: ...
    async def totals(self, stream_id: str) -> StoredTotals: ...


def mark_of(view_id: str) -> int:
    return crc32(view_id.encode())


class ViewTally:
    """Counts views; knows nothing of time but what it is told."""

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
        """Everybody who is there has watched until ``at``."""
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


class ViewCounter(Actor):
    """The one counter of a stream's viewers. Its key is the stream's id; it stays while somebody watches."""

    def __init__(
        self,
        *,
        stream_id: str,
        store: ViewStore,
        broadcast: Broadcast,
        now: Callable[[], datetime],
    ) -> None:
        self._stream_id = stream_id
        self._store = store
        self._broadcast = broadcast
        self._now = now
        self._tally = ViewTally()
        self._stored = StoredTotals()
        self._announced: tuple[int, StoredTotals] | None = None
        self._is_ticking = False
        self._is_flush_due = False
        self._recount_until = 0.0
        self._is_opening = False
        self._awaited: dict[str, tuple[int, int]] = {}

    async def activate(self) -> None:
        self._stored = await self._store.totals(self._stream_id)
        self._tally = ViewTally(peak_viewers=self._stored.peak_viewers)
        self._broadcast(CounterOpened(stream_id=self._stream_id))
        if self._stored.peak_viewers:
            self._is_opening = True
            self._recount(OPENING_S)

    async def passivate(self) -> None:
        self._tally.advance(self._now().timestamp())
        await self._write()

    @handles(ViewerCame)
    def came(self, message: ViewerCame) -> None:
        self._tally.came(message)
        self._keep_ticking()

    @handles(ViewerBeat)
    def beat(self, message: ViewerBeat) -> None:
        self._tally.beat(message)

    @handles(NodeLeft)
    def node_left(self, message: NodeLeft) -> None:
        """Whoever watched from there is not there any more; they come again from elsewhere."""
        self._tally.node_left(message.node, message.at)
        self._keep_ticking()

    @handles(ViewersHere)
    def here(self, message: ViewersHere) -> None:
        """A node that counts otherwise is asked for all of its viewers, and no count is told meanwhile."""
        count_of = message.viewers, message.marks
        if self._tally.count_of(message.node) == count_of:
            return
        self.context.log.info("%s has %d viewers of %s: counting again", message.node, message.viewers, self._stream_id)
        self._tally.node_left(message.node, message.at)
        self._awaited[message.node] = count_of
        self._recount(RECOUNT_S)
        self._broadcast(CounterOpened(stream_id=self._stream_id), to=(message.node,))
        self._keep_ticking()

    @handles(ViewerLeft)
    def left(self, message: ViewerLeft) -> None:
        self._tally.left(message)
        self._keep_ticking()

    @handles(CountViewers)
    def count(self, message: CountViewers) -> ViewTotals:
        return ViewTotals(viewers=self._tally.viewers, peak_viewers=self._tally.peak_viewers)

    @handles(_Tick)
    def tick(self, message: _Tick) -> None:
        self._is_ticking = False
        # A tick follows whatever was said, so that the next change waits for its second.
        if self._say_count() or self._tally.viewers:
            self._keep_ticking()

    @handles(_Recounted)
    def recounted(self, message: _Recounted) -> None:
        self._is_opening = False
        self._keep_ticking()

    @handles(_Flush)
    async def flush(self, message: _Flush) -> None:
        self._is_flush_due = False
        self._tally.advance(self._now().timestamp())
        await self._write()
        self._keep_ticking()

    def _keep_ticking(self) -> None:
        """The first change of a quiet stream is said at once; after it at most one a second."""
        if not self._is_ticking and not self._is_recounting:
            self._is_ticking = True
            self._say_count()
            self.context.timer(ANNOUNCE_S, _Tick())
        if not self._is_flush_due and (self._tally.viewers or self._tally.is_dirty):
            self._is_flush_due = True
            self.context.timer(FLUSH_S, _Flush())

    def _recount(self, within_s: float) -> None:
        self._recount_until = self.context.clock.monotonic() + within_s
        self.context.timer(within_s, _Recounted())

    @property
    def _is_recounting(self) -> bool:
        """Until the nodes that were asked have said all that they have, or the time is up."""
        if self.context.clock.monotonic() >= self._recount_until:
            self._awaited.clear()
            return False
        self._awaited = {node: at for node, at in self._awaited.items() if self._tally.count_of(node) != at}
        return self._is_opening or bool(self._awaited)

    def _say_count(self) -> bool:
        """Tell what has changed since the last time; whether anything was told."""
        if self._is_recounting:
            return False
        counted = (self._tally.viewers, self._totals())
        if counted == self._announced:
            return False
        self._announced = counted
        viewers, totals = counted
        said = {"viewers": viewers, **msgspec.structs.asdict(totals)}
        self._broadcast(ViewersCounted(stream_id=self._stream_id, **said))
        try:
            self.context.ref(ActorId(kind="stream", key=self._stream_id)).tell(KeepViewers(**said))
        except ActorError:
            self._announced = None  # Said again a second from now.
        return True

    def _totals(self) -> StoredTotals:
        return msgspec.structs.replace(self._stored, peak_viewers=self._tally.peak_viewers)

    async def _write(self) -> None:
        rows = self._tally.take_dirty()
        try:
            self._stored = await self._store.flush(
                self._stream_id,
                rows,
                peak_viewers=self._tally.peak_viewers,
                fence=self.context.fence,
            )
        except Unavailable:
            self._tally.put_back(rows)
