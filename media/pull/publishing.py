"""What a source sends, published here once there is some of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable

from media.errors import ProtocolError, PublishRefused
from media.publication import Publication
from media.restream.connection import Trouble
from media.rtmp.chunk import AUDIO, DATA, VIDEO, RtmpMessage
from media.rtmp.ingest import RtmpIngest
from media.rtmp.link import parse_metadata
from media.rtmp.protocol import split_aggregate

MAX_WAITING = 512
"""Messages that come with the first media, before the stream may be published."""

Publish = Callable[[], Awaitable[Publication]]
"""Leave to publish. Raises ``PublishRefused``."""


class Publishing:
    """Takes FLV messages. ``publish`` is asked when the first media has come: a source that sends nothing takes no
    stream. ``on_stop`` is called when the publication is ended from this server's side.
    """

    def __init__(
        self, *, publish: Publish, on_live: Callable[[], None], on_stop: Callable[[], None], wall: Callable[[], float]
    ) -> None:
        self.has_media = False
        self._publish = publish
        self._on_live = on_live
        self._on_stop = on_stop
        self._wall = wall
        self._publication: Publication | None = None
        self._ingest: RtmpIngest | None = None
        self._waiting: list[RtmpMessage] = []
        self._stopped: str | None = None

    @property
    def is_live(self) -> bool:
        return self._ingest is not None

    def take(self, message: RtmpMessage) -> None:
        """Raises ``ProtocolError`` or ``PublishRefused``."""
        self.has_media = self.has_media or message.type in (AUDIO, VIDEO)
        if self._ingest is not None:
            self._feed(message)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(message)

    async def begin(self) -> None:
        """Publish what has come so far. Raises ``PublishRefused``."""
        self._publication = await self._publish()
        self._publication.on_stop(self._stop)
        self._ingest = RtmpIngest(publication=self._publication, clock=time.monotonic)
        self._on_live()
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self._feed(message)

    def ending(self) -> Trouble:
        """Why nothing more comes."""
        return Trouble("closed") if self._stopped is None else Trouble("stopped", self._stopped)

    def close(self) -> None:
        if self._publication is None or self._ingest is None:
            return
        with contextlib.suppress(ProtocolError, PublishRefused):
            self._ingest.finish()
        self._publication.close("the source has gone")

    def _feed(self, message: RtmpMessage) -> None:
        assert self._ingest is not None
        if message.type == VIDEO:
            self._ingest.video(message.timestamp, message.payload, at=self._wall())
        elif message.type == AUDIO:
            self._ingest.audio(message.timestamp, message.payload, at=self._wall())
        elif message.type == DATA:
            with contextlib.suppress(ProtocolError):  # no more than a hint
                self._ingest.metadata(parse_metadata(message) or {})

    def _stop(self, reason: str) -> None:
        self._stopped = reason
        self._on_stop()


def messages_of(message: RtmpMessage) -> list[RtmpMessage]:
    """Those in an aggregate, or the message itself. Raises ``ProtocolError``."""
    return [message] if message.type in (AUDIO, VIDEO, DATA) else split_aggregate(message)
