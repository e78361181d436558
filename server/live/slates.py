"""The slates of this node: what its media process shows in place of publishers that were here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from actors.stream_messages import Grant
from media.control import ShowSlate
from server.live.ingest import granted
from server.live.playback import Playback


class ShowsSlates(Protocol):
    """The media process of this node."""

    @property
    def is_there(self) -> bool: ...
    def show_slate(self, slate: ShowSlate) -> None: ...


class Slates:
    """``began`` and ``lost`` are told of the publication of a slate as of any other: what becomes of it, its stream is
    told."""

    def __init__(
        self,
        *,
        media: ShowsSlates,
        playback: Playback,
        began: Callable[[str, int], None],
        lost: Callable[[str, int, str], None],
    ) -> None:
        self._media = media
        self._playback = playback
        self._began = began
        self._lost = lost

    def show(self, grant: Grant, tracks: tuple[dict[str, Any], ...], *, for_s: float) -> None:
        """At once; while the media process is away the stream is told that its slate is lost."""
        self._began(grant.stream_id, grant.publication)
        if not self._media.is_there:
            self._lost(grant.stream_id, grant.publication, "the media process is away")
            return
        given = msgspec.structs.replace(
            granted(grant), is_slate=True, is_recorded=False, transcode="off",
            target_s=self._playback.target_s(grant.stream_id),
        )  # fmt: skip
        self._media.show_slate(ShowSlate(grant=given, tracks=tracks, for_s=for_s))
