"""Which node owns each shard, as far as this node knows: by the last heartbeat, and by the moves since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from actors.runtime import SHARDS, Clock, Placement
from storage.members import Holder, View

NOTHING: Final = View({}, {}, 0, 0.0)


class Move(NamedTuple):
    """A shard's lease went to ``to``; ``version`` is the table's from then on."""

    shard: int
    to: Holder
    version: int


class ShardTable:
    """Places shards; no I/O. ``held`` and ``moving`` are this node's own, which its owner changes and then ``settle``s.

    ``on_lost`` is called with a shard of this node that another node holds. ``on_moved`` is called a turn later with
    the shards that have another owner, or are served under another epoch.
    """

    def __init__(
        self,
        *,
        me: Holder,
        clock: Clock,
        on_lost: Callable[[int, str], None],
        on_moved: Callable[[Collection[int]], None],
    ) -> None:
        self.me = me
        self.view = NOTHING
        self.held: dict[int, int] = {}  # with their epochs
        self.moving: set[int] = set()
        self._clock = clock
        self._on_lost = on_lost
        self._on_moved = on_moved
        self._moved: set[int] = set()
        self._news: dict[int, Move] = {}
        self._noted_at: dict[int, float] = {}
        self._placements: list[Placement | None] = [None] * SHARDS
        self._waiting: dict[int, set[asyncio.Future[Placement]]] = {}

    @property
    def lives(self) -> bool:
        """Whether this node is a member, as the last heartbeat saw it."""
        return self.view.lives(self.me)

    def placement(self, shard: int) -> Placement | None:
        return self._placements[shard]

    def wait(self, shard: int) -> asyncio.Future[Placement]:
        """Done when the shard has an owner. The caller gives it back to ``stop_waiting``."""
        waiting: asyncio.Future[Placement] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(shard, set()).add(waiting)
        return waiting

    def stop_waiting(self, shard: int, waiting: asyncio.Future[Placement]) -> None:
        waiters = self._waiting.get(shard)
        if waiters is not None:
            waiters.discard(waiting)

    def holder(self, shard: int) -> Holder | None:
        """Who holds the lease, if it is known to live."""
        move = self._news.get(shard)
        holder = move.to if move is not None else self.view.holders.get(shard)
        return holder if holder is not None and self.view.lives(holder) else None

    def owners(self) -> dict[int, str]:
        """The name of each shard's live holder, where one is known."""
        known = ((shard, self.holder(shard)) for shard in range(SHARDS))
        return {shard: holder.name for shard, holder in known if holder is not None}

    def news(self, shard: int) -> Move | None:
        """The shard's last move, if the last heartbeat's table does not have it yet."""
        return self._news.get(shard)

    def see(self, view: View) -> None:
        """Takes a heartbeat's view, and settles all shards."""
        if view.version < self.view.version:
            self._news.clear()
        self.view = view
        self._news = {shard: move for shard, move in self._news.items() if self._is_news(move, view)}
        self.settle_all()

    def _is_news(self, move: Move, view: View) -> bool:
        """A move that came before the heartbeat was sent is in its table, or Redis has fallen back behind it."""
        return move.version > view.version and self._noted_at[move.shard] >= view.asked_at

    def note(self, move: Move) -> None:
        """Takes a move, unless a later one is known."""
        known = self._news.get(move.shard)
        if move.version > self.view.version and (known is None or move.version > known.version):
            self._news[move.shard] = move
            self._noted_at[move.shard] = self._clock.monotonic()
            self.settle(move.shard)

    def forget(self) -> None:
        """Knows nothing any more but what this node holds."""
        self.view = NOTHING
        self._news.clear()

    def unplace(self) -> None:
        """Holds nothing and places nothing."""
        self.held.clear()
        self._placements = [None] * SHARDS

    def lose(self, shard: int, why: str) -> None:
        """Holds the shard no more."""
        del self.held[shard]
        self._on_lost(shard, why)
        self.settle(shard)

    def settle_all(self) -> None:
        for shard in range(SHARDS):
            self.settle(shard)

    def settle(self, shard: int) -> None:
        """Makes the placement follow from what is known; loses what another node holds."""
        holder = self.holder(shard)
        if shard in self.held and holder is not None and holder != self.me:
            self.lose(shard, f"{holder} has it")  # which settles it
            return
        placement = None
        if shard in self.held:
            placement = Placement(self.me.name, self.held[shard])
        elif holder is not None and holder != self.me and shard not in self.moving:
            placement = Placement(holder.name, 0)
        before, self._placements[shard] = self._placements[shard], placement
        if placement is not None:
            if placement != before:
                self._note_moved(shard)
            for waiting in self._waiting.pop(shard, ()):
                if not waiting.done():
                    waiting.set_result(placement)

    def _note_moved(self, shard: int) -> None:
        if not self._moved:
            self._clock.call_later(0.0, self._publish_moved)
        self._moved.add(shard)

    def _publish_moved(self) -> None:
        moved, self._moved = self._moved, set()
        self._on_moved(moved)
