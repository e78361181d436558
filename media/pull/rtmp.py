"""One connection to an RTMP server that a stream is played from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from media.pull.publishing import Publish, Publishing, messages_of
from media.restream.connection import Streams, Trouble
from media.rtmp.chunk import RtmpMessage
from media.rtmp.client import ClientEvent, ClientProtocol, PlayEnded, PublishRejected, Redirected, RtmpAddress

OPEN_S = 15.0
SILENT_S = 10.0
"""Without any media."""
READ_BYTES = 64 * 1024
MAX_DETAIL_CHARS = 200


class RtmpPlayback:
    """Plays one stream into one publication. ``received_bytes`` counts what came."""

    def __init__(
        self,
        *,
        address: RtmpAddress,
        streams: Streams,
        publish: Publish,
        on_live: Callable[[], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``on_live`` is called once it is published here."""
        self.received_bytes = 0
        self._address = address
        self._reader, self._writer = streams
        self._protocol = ClientProtocol(address=address, is_player=True)
        self._publishing = Publishing(publish=publish, on_live=on_live, on_stop=self._writer.transport.abort, wall=wall)

    async def run(self) -> None:
        """Until the source ends or is stopped: always raises, ``Trouble``, ``ProtocolError``, ``PublishRefused`` or
        ``OSError``.
        """
        try:
            await self._until_media(OPEN_S)
            await self._publishing.begin()
            while True:
                self._publishing.has_media = False
                await self._until_media(SILENT_S)
        finally:
            self._writer.transport.abort()
            self._publishing.close()

    async def _until_media(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not self._publishing.has_media:
                    await self._step()
        except TimeoutError:
            raise Trouble("timeout") from None

    async def _step(self) -> None:
        self._writer.write(self._protocol.take())
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise self._publishing.ending()
        self.received_bytes += len(data)
        for event in self._protocol.receive(data):
            self._judge(event)

    def _judge(self, event: ClientEvent) -> None:
        match event:
            case RtmpMessage():
                for message in messages_of(event):
                    self._publishing.take(message)
            case PlayEnded():
                raise Trouble("closed", "the source has ended")
            case PublishRejected(code, description):
                detail = f"{code} {description}".replace(self._address.key, "…")
                raise Trouble("rejected", detail.strip()[:MAX_DETAIL_CHARS], is_refusal=True)
            case Redirected():
                raise Trouble("rejected", "the source is elsewhere", is_refusal=True)
            case _:
                pass
