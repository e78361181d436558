"""A node's subscriptions to the rooms that its sockets are in."""

from __future__ import annotations

import logging

from actors.chat_messages import RenewSubscription
from actors.runtime import ActorError, Node
from server.live.room_mirror import RoomMirror

log = logging.getLogger("server.mirrors")


class RoomSubscriptions:
    """Renews subscriptions at the rooms' actors, with how far the mirror has come. What failed is tried again."""

    def __init__(self, *, node: Node) -> None:
        self._node = node
        self._failed: set[str] = set()

    def renew(self, mirror: RoomMirror) -> None:
        try:
            subscription = RenewSubscription(node=self._node.name, epoch=mirror.epoch, offset=mirror.offset)
            self._node.ref("chat", mirror.room_id).tell(subscription)
        except ActorError as error:
            log.debug("the subscription to room %s is not renewed: %s", mirror.room_id, error)
            self._failed.add(mirror.room_id)

    def take_failed(self) -> set[str]:
        """The rooms whose actors could not be reached since the last time."""
        failed, self._failed = self._failed, set()
        return failed
