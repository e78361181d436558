"""What this node is showing at this moment beside its sockets, so that it ends when the right to see it ends."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from media.control import Refused
from server.live.media import MediaAway, MediaProcess


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks to see something: a person in one of their sessions, or a guest without either.

    A guest who has given the password of a stream has an id of their own there. ``country``: where they ask from (ISO
    3166-1 alpha-2); None: unknown.
    """

    id: str | None = None
    session_id: str | None = None
    country: str | None = None


NOBODY: Final = Viewer()
MaySee = Callable[[Viewer], bool]
"""Whether a viewer may see a stream."""


class _Viewing(msgspec.Struct, eq=False):
    stream_id: str
    viewer: Viewer
    end: Callable[[], None]


class Viewings:
    """Answers on their way and WebRTC sessions, each with how to end it. One entry each, none waits."""

    def __init__(self) -> None:
        self._of_stream: defaultdict[str, dict[int, _Viewing]] = defaultdict(dict)
        self._numbers = itertools.count()

    def streams(self) -> list[str]:
        return list(self._of_stream)

    def viewers(self, stream_id: str) -> list[Viewer]:
        return [viewing.viewer for viewing in self._of_stream.get(stream_id, {}).values()]

    def hold(self, stream_id: str, viewer: Viewer, end: Callable[[], None]) -> Callable[[], None]:
        """Something is shown from now on, until what is answered is called. ``end`` must not raise."""
        number = next(self._numbers)
        self._of_stream[stream_id][number] = _Viewing(stream_id, viewer, end)
        return lambda: self._let_go(stream_id, number)

    @contextlib.contextmanager
    def holding(self, stream_id: str, viewer: Viewer, end: Callable[[], None]) -> Iterator[None]:
        let_go = self.hold(stream_id, viewer, end)
        try:
            yield
        finally:
            let_go()

    def evict(self, stream_id: str, may_see: MaySee) -> None:
        """End what is shown of the stream to those who may not see it."""
        for viewing in list(self._of_stream.get(stream_id, {}).values()):
            if not may_see(viewing.viewer):
                viewing.end()

    def end_session(self, session_id: str, reason: str) -> None:
        """End all that is shown to a session that was revoked."""
        for viewings in list(self._of_stream.values()):
            for viewing in list(viewings.values()):
                if viewing.viewer.session_id == session_id:
                    viewing.end()

    def _let_go(self, stream_id: str, number: int) -> None:
        viewings = self._of_stream.get(stream_id)
        if viewings is not None and viewings.pop(number, None) is not None and not viewings:
            del self._of_stream[stream_id]


class WebrtcViewings:
    """The WHEP sessions of this node's media process, by their resource ids, among the viewings."""

    def __init__(self, *, viewings: Viewings, media: MediaProcess) -> None:
        self._viewings = viewings
        self._media = media
        self._open: dict[str, Callable[[], None]] = {}
        self._streams: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self, resource_id: str, stream_id: str, viewer: Viewer) -> None:
        """Before the media process is asked, so that what ends the right meanwhile ends the session too."""
        self._open[resource_id] = self._viewings.hold(stream_id, viewer, lambda: self._end(resource_id))
        self._streams[resource_id] = stream_id

    def stream_of(self, resource_id: str) -> str:
        """Whose stream an open session is of; empty for another one."""
        return self._streams.get(resource_id, "")

    def until_gone(self, resource_id: str, end: Callable[[], None]) -> None:
        """``end`` is called when the session, which is open, has gone."""
        let_go = self._open[resource_id]

        def both() -> None:
            let_go()
            end()

        self._open[resource_id] = both

    def is_open(self, resource_id: str) -> bool:
        return resource_id in self._open

    def gone(self, resource_id: str) -> None:
        """The session has ended by itself, or never began."""
        self._streams.pop(resource_id, None)
        let_go = self._open.pop(resource_id, None)
        if let_go is not None:
            let_go()

    def all_gone(self) -> None:
        """The media process has."""
        for resource_id in list(self._open):
            self.gone(resource_id)

    def _end(self, resource_id: str) -> None:
        self.gone(resource_id)
        task = asyncio.get_running_loop().create_task(self.close(resource_id), name=f"close {resource_id}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self, resource_id: str) -> None:
        """End the session; one that is not there, and a media process that is away, have ended it already."""
        with contextlib.suppress(MediaAway):
            await self._media.close_resource(resource_id)


NOT_YOURS: Final = Refused(code="not_found", message="There is no such stream.", status=404)
