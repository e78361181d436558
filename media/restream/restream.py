"""One target of one live stream: connects, sends, and tries again for as long as the stream is live."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from media.errors import MediaError
from media.relay import Reader, Relay, Tracks
from media.restream.backoff import STABLE_S, pause_s
from media.restream.connection import Connect, Moved, TargetConnection, Trouble, trouble_of
from media.restream.states import Phase, RestreamState, RestreamTarget
from media.rtmp.client import RtmpAddress, parse_url
from media.transcode.tracks import is_to_convert
from media.unit import Codec

CONNECT_S = 20.0
"""To resolve the host and connect to one of its addresses, TLS included."""
END_S = 3.0
MAX_MOVES = 3
MAX_QUEUE_BYTES = 8 * 1024 * 1024
MAX_QUEUE_UNITS = 1_024

log = logging.getLogger("media.restream")


class Source(Protocol):
    """The live stream: the publisher's own relay, and the one with the codecs that RTMP carries everywhere."""

    @property
    def source(self) -> Relay: ...
    def with_audio(self, audio: Codec) -> Relay: ...


class Restream:
    """Runs from its making until its source ends or it is closed. ``state`` is always the newest.

    Its queue holds ``MAX_QUEUE_BYTES``; a target that is slower than the stream loses units up to the next key frame.
    """

    def __init__(
        self,
        *,
        target: RestreamTarget,
        source: Source,
        connect: Connect,
        name: str,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``name``: what the log calls the stream."""
        self.target = target
        self.state = RestreamState(name=target.name, phase="connecting", since=wall())
        self._source = source
        self._connect = connect
        self._name = f"{name}: restream {target.name}"
        self._wall = wall
        self._sleep = sleep
        self._failures = 0
        self._dropped = 0
        self._sent_bytes = 0
        self._reader: Reader | None = None
        self._connection: TargetConnection | None = None
        self._measured = (0.0, 0)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """End the connection; where the source has ended, after the last of it, within ``END_S``. Idempotent."""
        if self._source.source.ended is not None:
            await asyncio.wait({self._task}, timeout=END_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def measure(self, now: float) -> RestreamState:
        """The state with what was sent until now; ``now`` is monotonic, and the bit rate that since the last call."""
        before, bytes_before = self._measured
        sent, elapsed = self._all_sent(), max(now - before, 0.001)
        self._measured = (now, sent)
        rate = round((sent - bytes_before) * 8 / elapsed) if before and self.state.phase == "live" else 0
        self.state = msgspec.structs.replace(self.state, bitrate=rate, sent_bytes=sent, dropped=self._all_dropped())
        return self.state

    async def _run(self) -> None:
        while self._source.source.ended is None:
            try:
                await self._attempt()
            except (Trouble, MediaError, OSError, TimeoutError, ValueError) as error:
                await self._wait(trouble_of(error))

    async def _attempt(self) -> None:
        """Until the source ends. Raises what ended the connection before that."""
        self._enter("connecting")
        connection = self._connection = await self._opened(parse_url(self.target.url))
        log.info("%s is live", self._name)
        self._enter("live")
        try:
            await self._feed(connection)
        except asyncio.CancelledError:
            await connection.finish()
            raise
        finally:
            self._sent_bytes, self._connection = self._all_sent(), None
            connection.abort()

    async def _opened(self, address: RtmpAddress) -> TargetConnection:
        """A connection that takes the stream, after at most ``MAX_MOVES`` redirects."""
        for _ in range(MAX_MOVES + 1):
            async with asyncio.timeout(CONNECT_S):
                connection = TargetConnection(address=address, streams=await self._connect(address))
            try:
                await connection.open()
                return connection
            except Moved as elsewhere:
                connection.abort()
                address = elsewhere.address
            except BaseException:
                connection.abort()
                raise
        raise Trouble("rejected", "the target redirects again and again", is_refusal=True)

    async def _feed(self, connection: TargetConnection) -> None:
        watching = asyncio.get_running_loop().create_task(connection.watch(), name=f"{self._name} answers")
        sending = asyncio.get_running_loop().create_task(self._send(connection), name=f"{self._name} units")
        try:
            await asyncio.wait((watching, sending), return_when=asyncio.FIRST_COMPLETED)
            for task in (sending, watching):
                if task.done():
                    return task.result()
        finally:
            for task in (watching, sending):
                task.cancel()
            await asyncio.gather(watching, sending, return_exceptions=True)

    async def _send(self, connection: TargetConnection) -> None:
        """Until the source has ended; a relay that ends or changes before it is followed by another one."""
        while self._source.source.ended is None:
            relay = self._source.with_audio(Codec.AAC)
            await self._send_one(connection, relay)
            if relay.ended is not None and self._source.source.ended is None:
                raise Trouble("codec", "the codecs of the stream cannot be converted at the moment")
        await connection.finish()

    async def _send_one(self, connection: TargetConnection, relay: Relay) -> None:
        wake = asyncio.Event()
        reader = relay.subscribe(wake.set, max_units=MAX_QUEUE_UNITS, max_bytes=MAX_QUEUE_BYTES)
        self._reader = reader
        try:
            while True:
                await wake.wait()
                wake.clear()
                items = reader.take()
                if any(isinstance(item, Tracks) and self._needs_another(relay, item) for item in items):
                    return
                if await connection.send(items) is not None:
                    return
        finally:
            relay.unsubscribe(reader)
            self._dropped, self._reader = self._all_dropped(), None

    def _needs_another(self, relay: Relay, item: Tracks) -> bool:
        """Whether these tracks are to be converted first, and there is a relay in which they are."""
        is_unfit = any(track.codec is Codec.VP8 or is_to_convert(track, Codec.AAC) for track in item.tracks)
        return is_unfit and self._source.with_audio(Codec.AAC) is not relay

    async def _wait(self, trouble: Trouble) -> None:
        was_stable = self.state.phase == "live" and self._wall() - self.state.since >= STABLE_S
        self._failures = 1 if was_stable else self._failures + 1
        pause = pause_s(self._failures, is_refusal=trouble.is_refusal)
        phase: Phase = "refused" if trouble.is_refusal else "retrying"
        log.warning("%s: %s %s; again in %.0f s", self._name, trouble.reason, trouble.detail, pause)
        self._enter(phase, trouble=trouble, next_try_at=self._wall() + pause)
        await self._sleep(pause)

    def _enter(self, phase: Phase, *, trouble: Trouble | None = None, next_try_at: float | None = None) -> None:
        """While it connects anew, what went wrong before is still to be seen."""
        kept = (self.state.reason, self.state.detail) if phase == "connecting" else ("", "")
        reason, detail = (trouble.reason, trouble.detail) if trouble is not None else kept
        self.state = msgspec.structs.replace(
            self.state,
            phase=phase,
            since=self._wall(),
            reason=reason,
            detail=detail,
            next_try_at=next_try_at,
            failures=0 if phase == "live" else self._failures,
        )

    def _all_sent(self) -> int:
        return self._sent_bytes + (self._connection.sent_bytes if self._connection is not None else 0)

    def _all_dropped(self) -> int:
        return self._dropped + (self._reader.dropped_units if self._reader is not None else 0)
