"""The restreams of all live streams of the media process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from media.restream.connection import Connect
from media.restream.restream import Restream, Source
from media.restream.states import RestreamState, RestreamTarget

REPORT_S = 1.0

Report = Callable[[str, tuple[RestreamState, ...]], None]


class Restreams:
    """``report`` is given a stream's id and the states of its restreams about once a second, and when that changes
    which there are.
    """

    def __init__(self, *, connect: Connect, report: Report) -> None:
        self._connect = connect
        self._report = report
        self._running: dict[str, dict[str, Restream]] = {}
        self._sources: dict[str, Source] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        return sum(len(running) for running in self._running.values())

    def set(self, stream_id: str, targets: Sequence[RestreamTarget], *, source: Source, name: str) -> None:
        """These and no others from now on. What was set so already for this source goes on undisturbed."""
        if self._sources.get(stream_id) is not source:
            self.end(stream_id)
        running, wanted = self._running.get(stream_id, {}), {target.name: target for target in targets}
        for gone in [one for one in running.values() if wanted.get(one.target.name) != one.target]:
            self._close(running.pop(gone.target.name))
        for target in wanted.values():
            if target.name not in running:
                running[target.name] = Restream(target=target, source=source, connect=self._connect, name=name)
        if running:
            self._running[stream_id], self._sources[stream_id] = running, source
            self._tick()
        else:
            self.end(stream_id)

    def end(self, stream_id: str) -> None:
        """The stream's restreams end. Idempotent."""
        self._sources.pop(stream_id, None)
        running = self._running.pop(stream_id, None)
        if running is not None:
            for one in running.values():
                self._close(one)
            self._report(stream_id, ())

    async def close(self) -> None:
        """End all."""
        for stream_id in list(self._running):
            self.end(stream_id)
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _close(self, restream: Restream) -> None:
        task = asyncio.get_running_loop().create_task(restream.close(), name="restream closes")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _tick(self) -> None:
        """Report, and forget the streams that have ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        for stream_id in [key for key, source in self._sources.items() if source.source.ended is not None]:
            self.end(stream_id)
        for stream_id, running in self._running.items():
            self._report(stream_id, tuple(one.measure(loop.time()) for one in running.values()))
        if self._running:
            self._timer = loop.call_later(REPORT_S, self._tick)
