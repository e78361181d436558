"""One source of one stream: fetched, published, and tried again until it is taken away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

import msgspec

from media.errors import MediaError, PublishRefused
from media.publication import Publication, PublishRequest
from media.pull.hls_playback import Get, HlsPlayback
from media.pull.playout import Library, PlayoutOver, PlayoutPlayback
from media.pull.rtmp import RtmpPlayback
from media.pull.states import PullPhase, PullSource, PullState
from media.restream.backoff import STABLE_S, pause_s
from media.restream.connection import Connect, Trouble, trouble_of
from media.rtmp.client import parse_url

CONNECT_S = 20.0
BUSY_S = 5.0
"""Shorter than the time after which a stream without a publisher ends."""

Authorize = Callable[[PublishRequest], Awaitable[Publication]]

log = logging.getLogger("media.pull")


class Pull:
    """Runs from its making until it is closed. ``state`` is always the newest."""

    def __init__(
        self,
        *,
        source: PullSource,
        connect: Connect,
        get: Get,
        library: Library,
        authorize: Authorize,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.source = source
        self.state = PullState(stream_id=source.stream_id, phase="connecting", since=wall())
        self._connect = connect
        self._get = get
        self._library = library
        self._authorize = authorize
        self._wall = wall
        self._sleep = sleep
        self._playback: RtmpPlayback | HlsPlayback | PlayoutPlayback | None = None
        self._received = 0
        self._measured = (0.0, 0)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"pull for stream {source.stream_id}")

    async def close(self) -> None:
        """End it and its publication. Idempotent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def measure(self, now: float) -> PullState:
        """The state with what came until now; ``now`` is monotonic, and the bit rate that since the last call."""
        before, bytes_before = self._measured
        received = self._received + (self._playback.received_bytes if self._playback is not None else 0)
        self._measured = (now, received)
        rate = round((received - bytes_before) * 8 / max(now - before, 0.001)) if before else 0
        self.state = msgspec.structs.replace(self.state, bitrate=rate, received_bytes=received)
        if isinstance(self._playback, PlayoutPlayback):
            self.state = msgspec.structs.replace(
                self.state, item=self._playback.item, faults=dict(self._playback.faults)
            )
        return self.state

    async def _run(self) -> None:
        while True:
            try:
                await self._attempt()
            except PublishRefused as refused:
                await self._refused(refused)
            except PlayoutOver:
                self._enter("over")
                await asyncio.Future()
            except (MediaError, OSError, ValueError) as error:
                await self._wait(trouble_of(error))

    async def _attempt(self) -> None:
        """Always raises what ended it."""
        self._enter("connecting")
        self._playback = await self._opened()
        try:
            await self._playback.run()
        finally:
            self._received += self._playback.received_bytes
            self._playback = None

    async def _opened(self) -> RtmpPlayback | HlsPlayback | PlayoutPlayback:
        url, live = self.source.url, partial(self._enter, "live")
        request = PublishRequest(key=self.source.key, protocol="pull", remote=urlsplit(url).hostname or "")
        publish = partial(self._authorize, request)
        if self.source.playout is not None:
            return PlayoutPlayback(
                stream_id=self.source.stream_id, playout=self.source.playout, library=self._library, publish=publish,
                on_live=live, wall=self._wall,
            )  # fmt: skip
        if url.startswith("http"):
            return HlsPlayback(url=url, get=self._get, publish=publish, on_live=live)
        address = parse_url(url)
        async with asyncio.timeout(CONNECT_S):
            streams = await self._connect(address)
        return RtmpPlayback(address=address, streams=streams, publish=publish, on_live=live)

    async def _refused(self, refused: PublishRefused) -> None:
        """Not by the source but here: most often another publisher has the stream, and keeps it."""
        phase: PullPhase = "waiting" if refused.code == "busy" else "refused"
        self._enter(phase, reason=refused.code, detail=refused.message, next_try_at=self._wall() + BUSY_S)
        await self._sleep(BUSY_S)

    async def _wait(self, trouble: Trouble) -> None:
        was_stable = self.state.phase == "live" and self._wall() - self.state.since >= STABLE_S
        failures = 1 if was_stable else self.state.failures + 1
        pause = pause_s(failures, is_refusal=trouble.is_refusal)
        phase: PullPhase = "refused" if trouble.is_refusal else "retrying"
        name, reason = f"stream {self.source.stream_id}: its source", trouble.reason
        log.warning("%s: %s %s; again in %.0f s", name, reason, trouble.detail, pause)
        self.state = msgspec.structs.replace(self.state, failures=failures)
        self._enter(phase, reason=reason, detail=trouble.detail, next_try_at=self._wall() + pause)
        await self._sleep(pause)

    def _enter(
        self, phase: PullPhase, *, reason: str | None = None, detail: str = "", next_try_at: float | None = None
    ) -> None:
        """While it connects anew, what went wrong before is still to be seen."""
        is_again = phase == "connecting" and reason is None
        self.state = msgspec.structs.replace(
            self.state,
            phase=phase,
            since=self._wall(),
            reason=self.state.reason if is_again else reason or "",
            detail=self.state.detail if is_again else detail,
            next_try_at=next_try_at,
        )
