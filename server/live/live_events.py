"""What a node does about each live event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from actors.events import (
    ChatChanged,
    ChatForModerators,
    ChatPosted,
    CounterOpened,
    FilterChanged,
    Reacted,
    RoomChanged,
    RoomOpened,
    StreamChanged,
    StreamView,
    ViewersCounted,
)
from server.live.broadcast import Handlers
from server.live.hype import Hype
from server.live.room_mirrors import RoomMirrors
from server.live.room_traces import RoomTraces
from server.live.stream_cleanup import StreamCleanup
from server.live.stream_directory import StreamDirectory


class CountedViewers(Protocol):
    """The sockets of this node that watch, or its players without a socket."""

    def count_again(self, stream_id: str) -> None: ...


class RightsCheck(Protocol):
    """Evicts the clients of this node that may not see the stream as it is now."""

    def judge_now(self, view: StreamView) -> None: ...


def handlers(
    *,
    stream_directory: StreamDirectory,
    mirrors: RoomMirrors,
    cleanup: StreamCleanup,
    viewers: Sequence[CountedViewers],
    rights_check: RightsCheck,
    traces: RoomTraces,
    hype: Hype,
    renew_screens: Callable[[FilterChanged], None],
) -> Handlers:
    """Clients that may not see a stream are evicted before the others are shown what it is now."""

    def evict(event: StreamChanged) -> None:
        if not event.stream.is_open:
            rights_check.judge_now(event.stream)

    def count_again(event: CounterOpened) -> None:
        for counted in viewers:
            counted.count_again(event.stream_id)

    return {
        ChatPosted: (mirrors.handle, traces.delivered, hype.posted),
        ChatChanged: (mirrors.handle,),
        RoomChanged: (mirrors.handle,),
        ChatForModerators: (mirrors.tell_moderators,),
        FilterChanged: (renew_screens,),
        RoomOpened: (mirrors.handle,),
        ViewersCounted: (stream_directory.viewers_counted,),
        CounterOpened: (count_again,),
        Reacted: (stream_directory.reacted, hype.reacted),
        StreamChanged: (evict, cleanup.changed, stream_directory.changed),
    }
