"""The messages of a stream's actor, and what it answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.events import StreamView
from actors.restrictions import Restrictions
from actors.runtime import Ask, Message
from actors.stream_store import InitRow, SegmentRow


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to publish. ``epoch`` is the fencing token that every object key and row of the run carries;
    ``has_slate``: there is to be a slate when the publisher goes; ``takes_over``: from a publisher that is there;
    ``joins``: beside that one, in the same publication; ``is_backup``: as the one that stands by."""

    stream_id: str
    epoch: int
    publication: int
    first_segment: int
    media_time_ms: int
    latency: str
    is_recorded: bool
    owner_id: str = ""
    label: str = ""
    transcode: str = "auto"
    has_slate: bool = False
    takes_over: bool = False
    joins: bool = False
    is_backup: bool = False


PULL: Final = "pull"
"""The protocol of what the server itself fetches for a stream: it gives way to every other publisher."""


MAIN: Final = "main"
BACKUP: Final = "backup"


class ClaimPublish(Ask[Grant], frozen=True, kw_only=True):
    """``node`` is where the publisher's bytes arrive; ``is_lasting``: with the person's key, not the stream's own;
    ``is_backup``: to stand by beside the main publisher."""

    protocol: str
    remote: str
    node: str = ""
    is_lasting: bool = False
    is_backup: bool = False

    @property
    def role(self) -> str:
        return BACKUP if self.is_backup else MAIN


class PublisherStarted(Message, frozen=True, kw_only=True):
    """Media flows: ``tracks`` says which codecs, sizes and rates."""

    publication: int
    tracks: tuple[dict[str, Any], ...]


class PublisherLost(Message, frozen=True, kw_only=True):
    """``next_segment`` is beyond every segment of the run that anybody was shown, as far as the sender knows."""

    publication: int
    reason: str
    next_segment: int = 0


class MediaProgressed(Message, frozen=True, kw_only=True):
    """About once a second while media flows; ``health`` is what the owner is shown. ``is_slate``: it is the slate that
    flows. ``sources``: the roles of those who publish, none where that is not known."""

    publication: int
    media_time_ms: int
    next_segment: int
    at: float
    health: dict[str, Any]
    renditions: tuple[dict[str, Any], ...] = ()
    is_slate: bool = False
    sources: tuple[str, ...] = ()


class SegmentsRecorded(Message, frozen=True, kw_only=True):
    publication: int
    inits: tuple[InitRow, ...]
    segments: tuple[SegmentRow, ...]


class RecordingFlushed(Message, frozen=True, kw_only=True):
    """Everything of the publication is in the object store and was reported."""

    publication: int


class DescribeStream(Ask[StreamView], frozen=True, kw_only=True):
    is_repeatable = True


class ReadHealth(Ask[dict[str, Any]], frozen=True, kw_only=True):
    """``has_history``: with the last minutes."""

    is_repeatable = True
    has_history: bool = False


class EditStream(Ask[StreamView], frozen=True, kw_only=True):
    """``changes``: title, description, category, tags, language, visibility, scheduled_at, latency, is_recorded,
    transcode, slate, takeover."""

    changes: dict[str, Any]


class RestrictStream(Ask[StreamView], frozen=True, kw_only=True):
    """The stream is for whom these admit from here on."""

    restrictions: Restrictions


class EndStream(Ask[StreamView], frozen=True, kw_only=True):
    reason: str = "ended by its owner"


class RotateStreamKey(Ask[str], frozen=True, kw_only=True):
    new_key: str


class StreamDeleted(Message, frozen=True, kw_only=True):
    """The row has gone: what is asked from now on finds nothing."""


class RenameOwner(Message, frozen=True, kw_only=True):
    """This person is called otherwise, or has another picture, from now on; nodes show it by themselves."""

    user_id: str
    display_name: str
    avatar_url: str | None


class StopPublisher(Ask[None], frozen=True, kw_only=True):
    """End the publisher's connection, not the stream: its key is not valid any more."""

    is_repeatable = True
    reason: str


class KeepViewers(Message, frozen=True, kw_only=True):
    viewers: int
    peak_viewers: int
    unique_viewers: int
    watched_ms: int
