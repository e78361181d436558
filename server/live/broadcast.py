"""Live events on their way from an actor to the nodes, and from a node to those that show them to its clients."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from actors.events import NODE, LiveEvent, delivery
from actors.runtime import ActorError, Node

Handlers = Mapping[type[LiveEvent], Sequence[Callable[[Any], None]]]
"""What a node does about a live event, in this order: synchronous, quick, and it does not raise."""

log = logging.getLogger("server.broadcast")


class Broadcaster:
    """``actors.events.Broadcast``: handles an event on this node at once, and sends it to each other node's actor.

    Made before the handlers, which join at wiring. A node that cannot be reached learns what it missed by itself: rooms
    and counters broadcast where they stand when they open, and nodes renew subscriptions with how far they have come.
    """

    def __init__(self, *, me: str, others: Callable[[], Iterable[str]]) -> None:
        self._me = me
        self._others = others
        self._node: Node | None = None
        self._handlers: Handlers = {}

    def join(self, *, node: Node, handlers: Handlers) -> None:
        self._node = node
        self._handlers = handlers

    def __call__(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        names = set(self._others() if to is None else to)
        if to is None or self._me in names:
            self.deliver(event)
        for name in names - {self._me}:
            self._tell(name, event)

    def deliver(self, event: LiveEvent) -> None:
        """Handle an event of this node's or another node's actor, in the order of the events."""
        for handle in self._handlers.get(type(event), ()):
            handle(event)

    def _tell(self, name: str, event: LiveEvent) -> None:
        if self._node is None:
            return
        try:
            self._node.ref(NODE, name).tell(delivery(event))
        except ActorError as error:
            log.debug("node %s was not told %s: %s", name, type(event).__name__, error)
