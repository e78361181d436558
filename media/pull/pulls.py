"""All sources that the media process fetches from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from media.pull.hls_playback import Get
from media.pull.playout import Library
from media.pull.pull import Authorize, Pull
from media.pull.states import PullSource, PullState
from media.restream.connection import Connect

REPORT_S = 1.0


class Pulls:
    """``report`` is given the states of all about once a second while there are any."""

    def __init__(
        self,
        *,
        connect: Connect,
        get: Get,
        library: Library,
        authorize: Authorize,
        report: Callable[[tuple[PullState, ...]], None],
    ) -> None:
        self._connect = connect
        self._get = get
        self._library = library
        self._authorize = authorize
        self._report = report
        self._running: dict[str, Pull] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        return len(self._running)

    def set(self, sources: Sequence[PullSource]) -> None:
        """These and no others from now on; what is fetched already goes on undisturbed."""
        wanted = {source.stream_id: source for source in sources}
        for stream_id, pull in list(self._running.items()):
            if wanted.get(stream_id) != pull.source:
                self._close(self._running.pop(stream_id))
        for stream_id, source in wanted.items():
            if stream_id not in self._running:
                self._running[stream_id] = Pull(
                    source=source,
                    connect=self._connect,
                    get=self._get,
                    library=self._library,
                    authorize=self._authorize,
                )
        if self._timer is None:
            self._tick()

    async def close(self) -> None:
        """End all."""
        self.set(())
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _close(self, pull: Pull) -> None:
        task = asyncio.get_running_loop().create_task(pull.close(), name="pull closes")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _tick(self) -> None:
        self._timer = None
        if self._running:
            now = asyncio.get_running_loop().time()
            self._report(tuple(pull.measure(now) for pull in self._running.values()))
            self._timer = asyncio.get_running_loop().call_later(REPORT_S, self._tick)
