"""What can go wrong in the media plane. Codes are for the wire, sentences for people."""

from __future__ import annotations

from typing import Literal

RefusalCode = Literal["bad_name", "busy", "ended", "unavailable", "unsupported"]


class MediaError(Exception):
    """Root of the media plane's errors."""


class ProtocolError(MediaError):
    """The peer broke its protocol; the connection is closed and no other is touched."""


class PublishRefused(MediaError):
    """A publisher may not publish.

    ``bad_name``: no such key. ``busy``: another publisher has the stream. ``ended``: the stream is over.
    ``unavailable``: a dependency is away, try again. ``unsupported``: a codec that no player takes.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message
