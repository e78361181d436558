"""Who owns what."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from actors.runtime.ids import ActorId, shard_of


class Placement(NamedTuple):
    """An actor lives on `node`, whose writes for it carry `epoch` as their fencing token."""

    node: str
    epoch: int


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The fencing token of an incarnation: a store refuses its writes once the shard has a newer epoch."""

    shard: int
    epoch: int


class Directory(Protocol):
    """Asked once for each activation and each message that leaves the node."""

    def cached(self, actor_id: ActorId) -> Placement | None:
        """The owner if it is known here and now, else None. Called often: must be quick."""
        ...

    async def find(self, actor_id: ActorId) -> Placement:
        """Looks the owner up, or claims the actor for this node. Raises Unavailable. Mail waits meanwhile."""
        ...

    def invalidate(self, actor_id: ActorId) -> None:
        """What was known about this actor proved wrong: the owner refused it, or a newer epoch exists."""
        ...


class LocalDirectory:
    """This node owns everything. `epoch` is one number, or a function of the shard read at each activation."""

    def __init__(self, *, node: str, epoch: int | Callable[[int], int] = 1) -> None:
        self._node = node
        self._epoch = epoch

    def cached(self, actor_id: ActorId) -> Placement | None:
        epoch = self._epoch
        return Placement(self._node, epoch if isinstance(epoch, int) else epoch(shard_of(actor_id)))

    async def find(self, actor_id: ActorId) -> Placement:
        raise LookupError(f"{actor_id} is always known here")

    def invalidate(self, actor_id: ActorId) -> None:
        """There is no other owner to learn of."""
