"""What the index of a stream answers: playlists as they are now, and where bytes lie. Sans-I/O."""

from __future__ import annotations

import msgspec

from media.hls.blocking import Position


class Rendered(msgspec.Struct, frozen=True):
    """A playlist as it is now. ``etag`` comes with its quotes and follows from the body."""

    body: bytes
    etag: str
    content_type: str


class Wait(msgspec.Struct, frozen=True):
    """Not yet: ask again when the index has changed, for at most ``limit_s`` (then 503)."""

    until: Position
    limit_s: float


class Bad(msgspec.Struct, frozen=True):
    """Refused: 400 for a request that cannot be met, 404 for what is not there."""

    status: int
    reason: str


class OnDisk(msgspec.Struct, frozen=True):
    """``size`` bytes at ``offset`` of the file at ``path``; they do not change."""

    path: str
    offset: int
    size: int


class InStore(msgspec.Struct, frozen=True):
    """The bytes are the object of this key."""

    object_key: str
    size: int


class PendingPart(msgspec.Struct, frozen=True):
    """The part has been announced and is not there yet: ask again when the index has changed."""


Answer = Rendered | Wait | Bad
Location = OnDisk | InStore | PendingPart
