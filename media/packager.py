"""Feeds a muxer from a relay: the publisher's own, or the one of a bridge that converts for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from media.hls.events import Event
from media.hls.muxer import Muxer
from media.relay import End, Reader, Relay

BRIDGE_END_S = 0.3
LEAST_PATIENCE_S, MOST_PATIENCE_S = 0.04, 0.15
"""By the least a part may be late; the most is for what ends one sooner than expected, such as an early key frame."""

log = logging.getLogger(__name__)


class Packager:
    """Feeds a muxer from a relay, as soon as there is something, on the loop."""

    def __init__(
        self, *, muxer: Muxer, relay: Relay, source: Relay, say: Callable[[Event], None], is_patient: bool = False
    ) -> None:
        """``is_patient``: it may get units late as long as no part is late for that."""
        self._is_patient = is_patient
        self._muxer = muxer
        self._relay = relay
        self._source = source
        self._say = say
        self._is_due = False
        self._is_broken = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader: Reader = relay.subscribe(self._wake, patience=self._patience)
        self._pump()

    @property
    def dropped_units(self) -> int:
        return self._reader.dropped_units

    @property
    def next_segment(self) -> int:
        return self._muxer.next_segment

    def finish(self, reason: str) -> None:
        """The source has ended. Waits for what a bridge still converts, at most ``BRIDGE_END_S``; ``finished`` is
        done when all of it is packaged. Idempotent.
        """
        self._pump()
        if self._relay is self._source:
            self._finish(reason)
        else:
            asyncio.get_running_loop().call_later(BRIDGE_END_S, self._finish, reason)

    def _finish(self, reason: str) -> None:
        if self.finished.done():
            return
        self._relay.unsubscribe(self._reader)
        try:
            self._put(self._muxer.close(reason))
        except OSError as error:
            log.error("the last of it was not packaged: %s", error)
        self.finished.set_result(None)

    def reads(self, relay: Relay) -> bool:
        return self._relay is relay

    def pause(self) -> None:
        """Package what has arrived and read no more, until ``move``."""
        self._pump()
        self._relay.unsubscribe(self._reader)

    def move(self, relay: Relay) -> None:
        """Go on from another relay, with what comes from now on: what this one has seen is not seen again."""
        self._pump()
        self._relay.unsubscribe(self._reader)
        self._relay = relay
        self._reader = relay.subscribe(self._wake, from_key=False, patience=self._patience)

    def _patience(self) -> float:
        if not self._is_patient or self._is_broken:
            return 0.0
        return min(max(self._muxer.slack_s, LEAST_PATIENCE_S), MOST_PATIENCE_S)

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_due = False
        if self._is_broken:
            self._reader.take()
            return
        items = self._reader.take()
        if items and isinstance(items[-1], End) and self._relay is not self._source and self._source.ended is None:
            # The codec gave up, not the publisher: better what of the publisher's own can be packaged than nothing.
            items.pop()
            self.move(self._source)
        try:
            self._put(self._muxer.feed(items))
        except OSError as error:
            # The run folder is full or gone: this stream has no HLS any more, everything else of it goes on.
            self._is_broken = True
            log.error("packaging stopped: %s", error)
        if items and isinstance(items[-1], End):
            self._finish(items[-1].reason)

    def _put(self, events: Sequence[Event]) -> None:
        for event in events:
            self._say(event)
