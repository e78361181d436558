"""What of an HLS playlist is needed to fetch a stream (RFC 8216). Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from urllib.parse import urljoin

import msgspec

from media.errors import ProtocolError

MAX_PLAYLIST_BYTES: Final = 1024 * 1024
MAX_SEGMENTS: Final = 20_000
MAX_TARGET_S: Final = 60.0
LIVE_SEGMENTS: Final = 3
"""How far from the end of a live playlist a client begins (RFC 8216, 6.3.3)."""

_ATTRIBUTE: Final = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)')


class Key(msgspec.Struct, frozen=True):
    """An AES-128 key: where it is, and the initialisation vector, 16 bytes."""

    url: str
    iv: bytes


class Resource(msgspec.Struct, frozen=True):
    """What is fetched: all at an address, or ``size`` bytes from ``offset`` on (``span``); encrypted with ``key``."""

    url: str
    span: tuple[int, int] | None = None
    key: Key | None = None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """``init``: its initialisation section, None where it needs none."""

    number: int
    body: Resource
    init: Resource | None = None


class MediaPlaylist(msgspec.Struct, frozen=True, kw_only=True):
    segments: tuple[Segment, ...]
    target_s: float
    has_ended: bool

    def after(self, number: int | None) -> tuple[Segment, ...]:
        """What follows the segment of this number. Without one, where a client begins. A playlist that has begun anew
        is played from where a client begins as well.
        """
        if number is not None and self.segments and self.segments[-1].number >= number:
            return tuple(one for one in self.segments if one.number > number)
        return self.segments if self.has_ended else self.segments[-LIVE_SEGMENTS:]


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """``sound``: the address of its sound's playlist, None where the sound comes with the pictures or there is none."""

    url: str
    bandwidth: int
    sound: str | None = None


def parse(text: str, base: str) -> MediaPlaylist | Variant:
    """The playlist at the address ``base``; of a multivariant one the variant of the highest bit rate.

    Raises ``ProtocolError`` for what is no playlist, and for segments that are encrypted otherwise than as a whole with
    AES-128.
    """
    lines = [line.strip() for line in text.splitlines()]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise ProtocolError("no HLS playlist")
    if any(line.startswith("#EXT-X-STREAM-INF:") for line in lines):
        return max(_variants(lines, base), key=lambda variant: variant.bandwidth)
    return _media(lines, base)


def attributes(line: str) -> dict[str, str]:
    """The attribute list of a tag (RFC 8216, 4.2), without quotes."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _variants(lines: list[str], base: str) -> list[Variant]:
    """At least one."""
    sounds = _sounds(lines)
    found = [
        _variant(attributes(tag), url, base, sounds)
        for tag, url in pairwise(lines)
        if tag.startswith("#EXT-X-STREAM-INF:") and url and not url.startswith("#")
    ]
    if not found:
        raise ProtocolError("the playlist names no variant")
    return found


def _sounds(lines: list[str]) -> dict[str, str]:
    """The sound of each group that has one apart: its default, else its first."""
    found: dict[str, str] = {}
    for media in (attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")):
        group, url = media.get("GROUP-ID", ""), media.get("URI", "")
        if media.get("TYPE") == "AUDIO" and url and (group not in found or media.get("DEFAULT") == "YES"):
            found[group] = url
    return found


def _variant(said: dict[str, str], url: str, base: str, sounds: dict[str, str]) -> Variant:
    sound = sounds.get(said.get("AUDIO", ""))
    return Variant(
        url=_joined(base, url),
        bandwidth=_number(said.get("BANDWIDTH", "0")),
        sound=None if sound is None or sound == url else _joined(base, sound),
    )


def _media(lines: list[str], base: str) -> MediaPlaylist:
    reading = _Reading(base)
    for line in lines:
        reading.take(line)
    if reading.target_s <= 0:
        raise ProtocolError("the playlist has no target duration")
    return MediaPlaylist(segments=tuple(reading.segments), target_s=reading.target_s, has_ended=reading.has_ended)


class _Reading:
    """A media playlist, line by line."""

    def __init__(self, base: str) -> None:
        self.segments: list[Segment] = []
        self.target_s = 0.0
        self.has_ended = False
        self._base = base
        self._number = 0
        self._init: Resource | None = None
        self._key: dict[str, str] | None = None
        self._is_gap = False
        self._span: tuple[int, int] | None = None
        self._next_at: dict[str, int] = {}
        """Where the last part of each file ended."""

    def take(self, line: str) -> None:
        name, _, value = line.partition(":")
        match name:
            case "#EXT-X-TARGETDURATION":
                self.target_s = float(min(_number(value), int(MAX_TARGET_S)))
            case "#EXT-X-MEDIA-SEQUENCE":
                self._number = _number(value)
            case "#EXT-X-KEY":
                self._key = _key_of(attributes(line))
            case "#EXT-X-BYTERANGE":
                self._span = _span(value)
            case "#EXT-X-MAP":
                self._init = self._map(attributes(line))
            case "#EXT-X-GAP":
                self._is_gap = True
            case "#EXT-X-ENDLIST":
                self.has_ended = True
            case _ if line and not line.startswith("#"):
                self._segment(line)

    def _map(self, said: dict[str, str]) -> Resource:
        span = _span(said["BYTERANGE"]) if "BYTERANGE" in said else None
        url = _joined(self._base, said.get("URI", ""))
        if self._key is not None and "IV" not in self._key:
            raise ProtocolError("an encrypted initialisation section needs a vector")  # RFC 8216, 4.3.2.5
        return Resource(url, None if span is None else (max(span[0], 0), span[1]), self._encryption())

    def _segment(self, line: str) -> None:
        url, span = _joined(self._base, line), self._span
        if span is not None:
            offset = span[0] if span[0] >= 0 else self._next_at.get(url, 0)
            span, self._next_at[url] = (offset, span[1]), offset + span[1]
        if not self._is_gap:
            body = Resource(url, span, self._encryption())
            self.segments.append(Segment(number=self._number, body=body, init=self._init))
        self._number, self._is_gap, self._span = self._number + 1, False, None
        if len(self.segments) > MAX_SEGMENTS:
            raise ProtocolError("the playlist has too many segments")

    def _encryption(self) -> Key | None:
        """Without a vector of its own a segment has its number for one."""
        if self._key is None:
            return None
        iv = _vector(self._key["IV"]) if "IV" in self._key else self._number.to_bytes(16, "big")
        return Key(_joined(self._base, self._key.get("URI", "")), iv)


def _key_of(said: dict[str, str]) -> dict[str, str] | None:
    method = said.get("METHOD", "NONE")
    if method == "NONE":
        return None
    if method != "AES-128" or said.get("KEYFORMAT", "identity") != "identity" or not said.get("URI"):
        raise ProtocolError("the segments are encrypted in a way that is not taken here")
    return said


def _vector(text: str) -> bytes:
    digits = text.strip().lower().removeprefix("0x")
    try:
        vector = bytes.fromhex(digits.rjust(32, "0"))
    except ValueError:
        vector = b""
    if len(vector) != 16:
        raise ProtocolError("the vector of a key has not 128 bits")
    return vector


def _span(text: str) -> tuple[int, int]:
    """``size@offset`` as offset and size; -1 without an offset."""
    size, at, offset = text.strip().partition("@")
    if not _number(size):
        raise ProtocolError("a part of a file has no size")
    return (_number(offset) if at else -1, _number(size))


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise ProtocolError("an address in the playlist is none") from None


def _number(text: str) -> int:
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
