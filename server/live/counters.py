"""Sends the viewers of this node to the streams' counters, however long a counter cannot be reached."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

from actors.runtime import ActorError, ActorId, Node, shard_of
from actors.viewers_messages import ViewerCame, ViewerLeft, ViewersHere
from actors.viewers_tally import mark_of

RETRY_S: Final = 0.5
MAX_UNSENT: Final = 65_536
COUNT_S: Final = 10.0
LAST_REPORTS: Final = 3
"""How often a stream without viewers here is reported as such, before the node forgets it."""

log = logging.getLogger("server.counters")


class _Here:
    """The viewers of a stream on this node, as its counter is sent them now and then."""

    __slots__ = ("marks", "reports_left", "viewers")

    def __init__(self) -> None:
        self.viewers = 0
        self.marks = 0
        self.reports_left = LAST_REPORTS


class LocalViewers:
    """A message that a counter could not be sent is sent again until it was; of each view only the latest.

    A message may still be lost on the way: with a counter that has just moved, or with a Redis that loses its data. So
    this node sends a counter how many viewers it has when the shard has another owner, and every ``COUNT_S``. A counter
    that has counted otherwise asks for all of them.
    """

    def __init__(self, *, node: Node) -> None:
        self._node = node
        self._here: dict[str, _Here] = {}
        self._unsent: dict[str, tuple[str, ViewerCame | ViewerLeft]] = {}
        self._is_due = False
        self._is_count_due = False

    @property
    def watched(self) -> list[str]:
        """The streams that have viewers here."""
        return [stream_id for stream_id, here in self._here.items() if here.viewers]

    def came(self, stream_id: str, message: ViewerCame) -> None:
        here = self._here.setdefault(stream_id, _Here())
        here.viewers += 1
        here.marks ^= mark_of(message.view_id)
        here.reports_left = LAST_REPORTS
        if not self._is_count_due:
            self._is_count_due = True
            self._node.clock.call_later(COUNT_S, self._send_all_counts)
        self._tell(stream_id, message)

    def left(self, stream_id: str, message: ViewerLeft) -> None:
        """Of a view that came."""
        here = self._here[stream_id]
        here.viewers -= 1
        here.marks ^= mark_of(message.view_id)
        self._tell(stream_id, message)

    def is_here(self, stream_id: str, message: ViewerCame) -> None:
        """Sends a view once more: the counter is new, or has lost count."""
        self._tell(stream_id, message)

    def moved(self, shards: Collection[int]) -> None:
        """These shards have another owner, whose counters know nothing."""
        self._again()
        self._send_counts([one for one in self._here if shard_of(ActorId("viewers", one)) in shards])

    def _tell(self, stream_id: str, message: ViewerCame | ViewerLeft) -> None:
        self._unsent.pop(message.view_id, None)
        if not self._send(stream_id, message):
            self._keep(stream_id, message)

    def _send(self, stream_id: str, message: ViewerCame | ViewerLeft | ViewersHere) -> bool:
        """Whether the counter's mailbox took the message."""
        try:
            self._node.ref("viewers", stream_id).tell(message)
        except ActorError as error:
            log.debug("a viewer of %s is counted late: %s", stream_id, error)
            return False
        return True

    def _keep(self, stream_id: str, message: ViewerCame | ViewerLeft) -> None:
        if len(self._unsent) >= MAX_UNSENT:
            log.warning("a viewer of %s is not counted: too many wait for it", stream_id)
            return
        self._unsent[message.view_id] = stream_id, message
        if not self._is_due:
            self._is_due = True
            self._node.clock.call_later(RETRY_S, self._again)

    def _again(self) -> None:
        """Each counter that is still away is tried once."""
        self._is_due = False
        unsent, self._unsent = self._unsent, {}
        away: set[str] = set()
        for stream_id, message in unsent.values():
            if stream_id in away or not self._send(stream_id, message):
                away.add(stream_id)
                self._keep(stream_id, message)

    def _send_all_counts(self) -> None:
        self._send_counts(list(self._here))
        self._is_count_due = bool(self._here)
        if self._is_count_due:
            self._node.clock.call_later(COUNT_S, self._send_all_counts)

    def _send_counts(self, stream_ids: Sequence[str]) -> None:
        at = self._node.clock.time()
        unsent = {stream_id for stream_id, _ in self._unsent.values()}
        for stream_id in stream_ids:
            here = self._here[stream_id]
            # What is still to be sent comes before what it adds up to.
            if stream_id not in unsent:
                count_of = ViewersHere(node=self._node.name, viewers=here.viewers, marks=here.marks, at=at)
                here.reports_left -= self._send(stream_id, count_of) and not here.viewers
            if not here.reports_left:
                del self._here[stream_id]
