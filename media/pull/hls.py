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


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """``init``: the address of its initialisation section, None where it needs none."""

    number: int
    url: str
    init: str | None = None


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

    Raises ``ProtocolError`` for what is no playlist, and for segments that cannot be fetched: encrypted ones, and parts
    of files.
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
    target_s, number, init, has_ended, is_gap = 0.0, 0, None, False, False
    segments: list[Segment] = []
    for line in lines:
        name, _, value = line.partition(":")
        if name == "#EXT-X-TARGETDURATION":
            target_s = float(min(_number(value), int(MAX_TARGET_S)))
        elif name == "#EXT-X-MEDIA-SEQUENCE":
            number = _number(value)
        elif name == "#EXT-X-KEY" and attributes(line).get("METHOD", "NONE") != "NONE":
            raise ProtocolError("the segments are encrypted")
        elif name == "#EXT-X-BYTERANGE" or (name == "#EXT-X-MAP" and "BYTERANGE" in attributes(line)):
            raise ProtocolError("the segments are parts of files")
        elif name == "#EXT-X-MAP":
            init = _joined(base, attributes(line).get("URI", ""))
        elif name == "#EXT-X-GAP":
            is_gap = True
        elif name == "#EXT-X-ENDLIST":
            has_ended = True
        elif line and not line.startswith("#"):
            if not is_gap:
                segments.append(Segment(number=number, url=_joined(base, line), init=init))
            number, is_gap = number + 1, False
            if len(segments) > MAX_SEGMENTS:
                raise ProtocolError("the playlist has too many segments")
    if target_s <= 0:
        raise ProtocolError("the playlist has no target duration")
    return MediaPlaylist(segments=tuple(segments), target_s=target_s, has_ended=has_ended)


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise ProtocolError("an address in the playlist is none") from None


def _number(text: str) -> int:
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
