"""The HLS and DASH indexes of a node: of the streams that are published here, and of recordings that were asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

from actors.events import StreamView
from media.control import Packaged, Pictured
from media.hls.events import StreamEnded
from media.hls.index import LiveIndex
from server.http.errors import not_found
from server.live.recorded import read_recording, run_ended
from storage.recording import Recordings

MAX_INDEXES: Final = 512
MAX_SEGMENTS: Final = 200_000
"""In all indexes together, those of live streams included: about 600 bytes each."""
TARGET_S: Final = {"realtime": 2, "low": 2, "normal": 4}
PART_TARGET_S: Final = {"realtime": 0.25, "low": 0.334, "normal": 1.0}


class HeldIndex:
    """One stream's index, and the requests that wait for a change. ``is_own``: it is packaged here."""

    def __init__(self, index: LiveIndex) -> None:
        self.index = index
        self.is_own = False
        self.wanted_at = float("-inf")
        """When a client last asked for a rendition that is made on demand, by the loop's clock."""
        self.changed = asyncio.Event()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def change(self, deadline: float) -> bool:
        """Wait for the index to change; False at the deadline (of the loop's clock)."""
        try:
            async with asyncio.timeout_at(deadline):
                await self.changed.wait()
        except TimeoutError:
            return False
        return True


class Playback:
    """The indexes of this node. A stream's is built from its rows when it was recorded before this node came up."""

    def __init__(self, *, recordings: Recordings) -> None:
        self._recordings = recordings
        self._held: OrderedDict[str, HeldIndex] = OrderedDict()
        self._pictures: dict[str, Pictured] = {}
        self._on_pictured: Callable[[Pictured], None] | None = None
        self._loading: dict[str, asyncio.Task[HeldIndex | None]] = {}
        self._ended: set[str] = set()  # while their rows were being read

    # what the media process reports

    async def prepare(self, view: StreamView) -> None:
        """A publication is about to begin: from here on its events find their index, with what was recorded before.

        Raises ``Unavailable`` while that cannot be read."""
        if view.id not in self._held and view.publication > 1:
            await self._load(view)
        if view.id not in self._held:
            self._held[view.id] = self._new(view)

    def packaged(self, report: Packaged) -> None:
        held = self._held.get(report.stream_id)
        if held is not None:
            held.is_own = True
            held.index.apply(report.event)

    def interrupted(self, stream_id: str, publication: int) -> None:
        """The writer has gone without a word: what is open is as long as it got, and nobody waits for more of it."""
        held = self._held.get(stream_id)
        if held is not None:
            held.index.apply(run_ended("source", publication, held.index.next_segment(), "its writer has gone"))

    def next_segment(self, stream_id: str) -> int:
        """The first number that no viewer was shown, as far as this node knows."""
        held = self._held.get(stream_id)
        return held.index.next_segment() if held is not None else 0

    def target_s(self, stream_id: str) -> int:
        """The target duration of the stream's playlists; 0 while they may still have any."""
        held = self._held.get(stream_id)
        return held.index.target_s if held is not None and held.index.segments else 0

    def pictured(self, report: Pictured) -> None:
        self._pictures[report.stream_id] = report
        if self._on_pictured is not None:
            self._on_pictured(report)

    def on_pictured(self, handle: Callable[[Pictured], None]) -> None:
        """``handle`` is called with each picture from here on."""
        self._on_pictured = handle

    def ended(self, stream_id: str) -> None:
        """The stream has ended: its playlists say so at once. What was read of it while it went on elsewhere is read
        again, whole."""
        held = self._held.get(stream_id)
        if held is not None:
            held.index.apply(StreamEnded())
            if not held.is_own:
                del self._held[stream_id]
        if stream_id in self._loading:
            self._ended.add(stream_id)

    def forget(self, stream_id: str) -> None:
        """Live files have gone, or the recording is another: what is asked from now on comes from it as it is then."""
        self._held.pop(stream_id, None)
        self._loading.pop(stream_id, None)
        self._pictures.pop(stream_id, None)

    # what viewers ask

    async def held(self, view: StreamView) -> HeldIndex:
        """The stream's index; a 404 when there is nothing to play."""
        held = self._held.get(view.id)
        if held is None and view.publication > 0:
            held = await self._load(view)
        if held is None:
            raise not_found("There is nothing to play yet")
        if view.id in self._held:
            self._held.move_to_end(view.id)
        return held

    def known(self, stream_id: str) -> HeldIndex | None:
        """The index, if this node holds one; nothing is read."""
        return self._held.get(stream_id)

    def picture(self, stream_id: str) -> Pictured | None:
        return self._pictures.get(stream_id)

    async def _load(self, view: StreamView) -> HeldIndex | None:
        loading = self._loading.get(view.id)
        if loading is None:
            loading = asyncio.get_running_loop().create_task(self._read(view), name=f"recording {view.id}")
            self._loading[view.id] = loading
            loading.add_done_callback(partial(self._loaded, view.id))
        return await asyncio.shield(loading)

    def _loaded(self, stream_id: str, loading: asyncio.Task[HeldIndex | None]) -> None:
        if self._loading.get(stream_id) is loading:
            del self._loading[stream_id]
            self._ended.discard(stream_id)

    async def _read(self, view: StreamView) -> HeldIndex | None:
        held = self._new(view)
        has_any = await read_recording(held.index, self._recordings, view.id)
        if view.id in self._held or not has_any:
            return self._held.get(view.id)
        if view.state == "ended" or view.id in self._ended:
            held.index.apply(StreamEnded())
        if self._loading.get(view.id) is asyncio.current_task():  # else it was forgotten while it was read
            self._held[view.id] = held
            self._trim()
        return held

    def _new(self, view: StreamView) -> HeldIndex:
        # The callback needs the holder that is made with the index.
        holder: list[HeldIndex] = []
        index = LiveIndex(
            on_change=lambda: holder[0].wake(),  # noqa: PLW0108 - the holder is not there yet
            target_s=TARGET_S[view.latency],
            part_target_s=PART_TARGET_S[view.latency],
            keeps_all=view.is_recorded,
        )
        holder.append(HeldIndex(index))
        return holder[0]

    def _trim(self) -> None:
        """Forget the recordings that were asked for longest ago, but for the last one: of 12 hours that is 25 MB."""
        segments = sum(held.index.segments for held in self._held.values())
        for stream_id, held in list(self._held.items())[:-1]:
            if len(self._held) <= MAX_INDEXES and segments <= MAX_SEGMENTS:
                return
            if held.index.is_ended:
                segments -= held.index.segments
                self.forget(stream_id)
