"""The package of one rendition beside the source: its muxer, and what feeds it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from media.hls.events import Event
from media.hls.lane import Cut
from media.hls.marks import Mark
from media.hls.muxer import Muxer
from media.relay import End, Reader, Relay

Given = TypeVar("Given")

log = logging.getLogger(__name__)


class GuardedOutput:
    """Says what a muxer writes. The folder may be full or gone: then there is nothing more of this rendition, and
    everything else goes on."""

    def __init__(self, say: Callable[[Event], None]) -> None:
        self._say = say
        self._is_broken = False

    def put(self, write: Callable[[Given], list[Event]], given: Given) -> None:
        try:
            events = [] if self._is_broken else write(given)
        except OSError as error:
            self._is_broken = True
            log.error("packaging a rendition stopped: %s", error)
            return
        for event in events:
            self._say(event)


class RenditionPackage:
    """One rendition's muxer, fed from the relay of whatever ladder makes it at the moment."""

    def __init__(self, muxer: Muxer, say: Callable[[Event], None]) -> None:
        self.is_on = False
        self._muxer = muxer
        self._output = GuardedOutput(say)
        self._relay: Relay | None = None
        self._reader: Reader | None = None
        self._is_due = False

    def read(self, relay: Relay, cuts: Sequence[Cut]) -> None:
        """Go on from this relay; where nothing was made before, from the first of ``cuts`` on."""
        self._leave()
        if not self.is_on:
            self.is_on = True
            self._output.put(self._muxer.resume, cuts)
        self._relay, self._reader = relay, relay.subscribe(self._wake)
        self._pump()

    def announce(self, mark: Mark) -> None:
        if self.is_on:
            self._muxer.announce(mark)

    def cut(self, cut: Cut) -> None:
        if self.is_on:
            self._output.put(self._muxer.cut, cut)

    def pause(self, reason: str) -> None:
        """Close what is open. Idempotent."""
        self._pump()
        self._leave()
        if self.is_on:
            self.is_on = False
            self._output.put(self._muxer.pause, reason)

    def _leave(self) -> None:
        if self._relay is not None and self._reader is not None:
            self._relay.unsubscribe(self._reader)
        self._relay = self._reader = None

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_due = False
        if self._reader is not None:
            self._output.put(self._muxer.feed, [item for item in self._reader.take() if not isinstance(item, End)])
