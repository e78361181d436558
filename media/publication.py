"""What an ingest writes a publisher's units to, whatever the protocol is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from media.unit import Track, Unit

IngestProtocol = Literal["rtmp", "rtmps", "whip", "pull", "stage"]


class PublishRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A publisher's request: the key that it presents and where it came from. ``remote`` is ``host:port``."""

    key: str
    protocol: IngestProtocol
    remote: str
    user_agent: str = ""
    is_backup: bool = False
    """It stands by beside the main publisher of the same key, see ``media.switch``."""


class Publication(Protocol):
    """One publisher's accepted run. All calls are synchronous and made from the loop that owns the plane."""

    @property
    def media_time_ms(self) -> int:
        """On the stream's media clock, where this run starts: added to every pts and dts. Settled by the first
        ``configure``."""

    @property
    def patience_s(self) -> float:
        """For how long nobody needs what comes next. Waking up costs an ingest more than reading does, so it may leave
        that much unread, unless much has come."""

    def configure(self, tracks: Sequence[Track]) -> None:
        """Announce all tracks, before the first unit and again whenever one changes (units after it are new)."""

    def write(self, unit: Unit) -> None:
        """Hand on one unit. Never blocks; a slow reader loses units, the publisher does not."""

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """Announce a rendition that the publisher itself makes of its pictures, before its first unit and whenever its
        track changes. ``track_id`` is its own in this run, above 0."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """Hand on one unit of such a rendition, on the same clock as all others. Never blocks."""

    def warn(self, name: str) -> None:
        """Show the owner, in ``health``, what is odd about what they send: a name of ``media.warnings``. Idempotent."""

    def close(self, reason: str) -> None:
        """The publisher has gone. Idempotent; ``reason`` is for the log and for ``stream:state``."""

    def on_stop(self, stop: Callable[[str], None]) -> None:
        """Register what ends the publisher's connection when the stream is ended or its key rotated."""

    def on_keyframe_wanted(self, want: Callable[[], None]) -> None:
        """Register how to ask the publisher for a key frame (WebRTC: PLI). RTMP registers nothing."""
