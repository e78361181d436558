"""Tells the streams' counters who comes and goes on this node, however long a counter cannot be reached."""

from __future__ import annotations

import logging
from typing import Final

from actors.runtime import ActorError, Node
from actors.viewers import ViewerCame, ViewerLeft

RETRY_S: Final = 0.5
MAX_UNTOLD: Final = 65_536

log = logging.getLogger("server.counters")


class Counters:
    """What a counter could not be told is told again until it was; of each view only what was said last."""

    def __init__(self, *, node: Node) -> None:
        self._node = node
        self._untold: dict[str, tuple[str, ViewerCame | ViewerLeft]] = {}
        self._is_due = False

    def tell(self, stream_id: str, message: ViewerCame | ViewerLeft) -> None:
        self._untold.pop(message.view_id, None)
        if not self._was_told(stream_id, message):
            self._keep(stream_id, message)

    def _was_told(self, stream_id: str, message: ViewerCame | ViewerLeft) -> bool:
        try:
            self._node.ref("viewers", stream_id).tell(message)
        except ActorError as error:
            log.debug("a viewer of %s is counted late: %s", stream_id, error)
            return False
        return True

    def _keep(self, stream_id: str, message: ViewerCame | ViewerLeft) -> None:
        if len(self._untold) >= MAX_UNTOLD:
            log.warning("a viewer of %s is not counted: too many wait for it", stream_id)
            return
        self._untold[message.view_id] = stream_id, message
        if not self._is_due:
            self._is_due = True
            self._node.clock.call_later(RETRY_S, self._again)

    def _again(self) -> None:
        """Each counter that is still away is tried once."""
        self._is_due = False
        untold, self._untold = self._untold, {}
        away: set[str] = set()
        for stream_id, message in untold.values():
            if stream_id in away or not self._was_told(stream_id, message):
                away.add(stream_id)
                self._keep(stream_id, message)
