"""What this node does when a node has gone, or shards have another owner."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from actors.call_messages import CALL
from actors.runtime import Node
from actors.viewers_messages import NodeLeft

HEARING: Final = ("viewers", CALL)
"""The kinds of actors that know of clients of other nodes."""


class ShardMoveHandler(Protocol):
    """Tells the actors of shards what they know of this node; again, since a new owner knows nothing."""

    def moved(self, shards: Collection[int]) -> None: ...


class ShardMoves:
    """What the cluster tells, on the event loop: ``left`` of other nodes, ``moved`` of shards.

    Made before the node, which joins with the handlers before it becomes a member.
    """

    def __init__(self) -> None:
        self._node: Node | None = None
        self._handlers: Collection[ShardMoveHandler] = ()

    def join(self, *, node: Node, handlers: Collection[ShardMoveHandler]) -> None:
        self._node = node
        self._handlers = handlers

    def left(self, name: str) -> None:
        """The node has left: this node's counters end its views, calls its people; what was asked of it is refused."""
        if self._node is None or name == self._node.name:
            return
        self._node.remote.lost(name)
        left = NodeLeft(node=name, at=self._node.clock.time())
        for kind in HEARING:
            for info in self._node.actors(kind=kind):
                self._node.ref(info.id.kind, info.id.key).tell(left)

    def moved(self, shards: Collection[int]) -> None:
        """Their new actors do not know what this node has sent them: its subscriptions to rooms, and its viewers."""
        for handler in self._handlers:
            handler.moved(shards)
