"""What the shards of a node call, and the bounds that they keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from storage.members import SILENT_AFTER_S
from storage.shard_table import Move

MOST_MOVING: Final = 4
"""Shards on their way at once from one node: the actors that the next owner has to load delay its messages."""
SERVED_S: Final = 1.0
"""How long the next owner, which has a shard's lease, is waited for to serve it before the next shard goes."""
FIND_S: Final = 3.0
RELEASE_S: Final = 5.0

Release = Callable[[int, float], Awaitable[None]]
"""Hands the actors of a shard back within so many seconds: they write back, and go. 0: they just go."""


@dataclass(frozen=True, kw_only=True)
class ShardCallbacks:
    """What the shards call, on the event loop. ``announce_moves`` and ``announce_served`` send to the other nodes which
    leases went where and which shards this node serves now; ``on_moved`` gets, a turn later, the shards that have
    another owner or are served under another epoch: messages to their actors before may be lost. ``refresh`` has a
    heartbeat soon.
    """

    release: Release
    announce_moves: Callable[[Sequence[Move]], None]
    announce_served: Callable[[Sequence[int]], None]
    on_moved: Callable[[Collection[int]], None]
    refresh: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class ShardLimits:
    """``young_s``: for how long after Redis was found empty other nodes may still have to say what they hold."""

    silent_after_s: float = SILENT_AFTER_S
    young_s: float = SILENT_AFTER_S
    most_moving: int = MOST_MOVING
    find_s: float = FIND_S
    release_s: float = RELEASE_S
    served_s: float = SERVED_S
