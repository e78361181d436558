"""The actor that counts a stream's viewers: live count, peak, unique viewers and watch time.

It broadcasts the count at most once a second and writes the watch time in batches, so that at most ``FLUSH_S`` of it
can be lost with the process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from actors.events import Broadcast, CounterOpened, ViewersCounted
from actors.runtime import Actor, ActorError, ActorId, Message, Unavailable, handles
from actors.stream_messages import KeepViewers
from actors.viewers_messages import (
    CountViewers,
    NodeLeft,
    PlayersLeft,
    PlayersSeen,
    ViewerBeat,
    ViewerCame,
    ViewerLeft,
    ViewersHere,
    ViewTotals,
)
from actors.viewers_store import StoredTotals, ViewStore
from actors.viewers_tally import ViewTally

ANNOUNCE_S = 1.0
FLUSH_S = 5.0
RECOUNT_S = 1.0
"""How long at most no count is broadcast while a node sends its viewers again."""
OPENING_S = 0.5
"""How long a counter that is not the stream's first broadcasts nothing, while all nodes send their viewers."""


class _Tick(Message, frozen=True, kw_only=True):
    pass


class _Recounted(Message, frozen=True, kw_only=True):
    pass


class _Flush(Message, frozen=True, kw_only=True):
    pass


class ViewCounter(Actor):
    """The one counter of a stream's viewers. Its key is the stream's id; it stays while the stream has viewers."""

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

    @handles(PlayersSeen)
    def players_seen(self, message: PlayersSeen) -> None:
        self._tally.seen(message)
        self._keep_ticking()

    @handles(PlayersLeft)
    def players_left(self, message: PlayersLeft) -> None:
        self._tally.players_left(message)
        self._keep_ticking()

    @handles(NodeLeft)
    def node_left(self, message: NodeLeft) -> None:
        """The views of that node have ended; its clients and players connect to another one and begin new views."""
        self._tally.node_left(message.node, message.at)
        self._keep_ticking()

    @handles(ViewersHere)
    def here(self, message: ViewersHere) -> None:
        """A node that counts otherwise is asked for all of its viewers, and no count is broadcast meanwhile."""
        count_of = message.viewers, message.marks
        if self._tally.count_of(message.node) == count_of:
            return
        self.context.log.info("%s has %d viewers of %s: counting again", message.node, message.viewers, self._stream_id)
        self._tally.sockets_left(message.node, message.at)
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
        self._tally.expire(self._now().timestamp())
        # A tick follows each broadcast, so that the next change waits for its second.
        if self._broadcast_count() or self._tally.viewers:
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
        """The first change of a quiet stream is broadcast at once; after it at most one a second."""
        if not self._is_ticking and not self._is_recounting:
            self._is_ticking = True
            self._broadcast_count()
            self.context.timer(ANNOUNCE_S, _Tick())
        if not self._is_flush_due and (self._tally.viewers or self._tally.is_dirty):
            self._is_flush_due = True
            self.context.timer(FLUSH_S, _Flush())

    def _recount(self, within_s: float) -> None:
        self._recount_until = self.context.clock.monotonic() + within_s
        self.context.timer(within_s, _Recounted())

    @property
    def _is_recounting(self) -> bool:
        """Until the nodes that were asked have sent all of their viewers, or the time is up."""
        if self.context.clock.monotonic() >= self._recount_until:
            self._awaited.clear()
            return False
        self._awaited = {node: at for node, at in self._awaited.items() if self._tally.count_of(node) != at}
        return self._is_opening or bool(self._awaited)

    def _broadcast_count(self) -> bool:
        """Broadcast what has changed since the last time; whether anything had."""
        if self._is_recounting:
            return False
        counted = (self._tally.viewers, self._totals())
        if counted == self._announced:
            return False
        self._announced = counted
        viewers, totals = counted
        counts = {"viewers": viewers, **msgspec.structs.asdict(totals)}
        self._broadcast(ViewersCounted(stream_id=self._stream_id, **counts))
        try:
            self.context.ref(ActorId(kind="stream", key=self._stream_id)).tell(KeepViewers(**counts))
        except ActorError:
            self._announced = None  # Sent again a second from now.
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
