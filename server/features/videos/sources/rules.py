"""What the address of a source may be. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from server.features.videos.restreams import BadTarget, target_of

_PRINTABLE: Final = re.compile(r"[!-~]+")


class SourceAddress(msgspec.Struct, frozen=True, kw_only=True):
    """``shown``: without what may be a secret, the name of an RTMP stream or the query of an HTTP address."""

    shown: str
    url: str
    host: str
    port: int


def source_of(url: str) -> SourceAddress:
    """An RTMP(S) address with the name of a stream, or the HTTP(S) address of an HLS playlist. Raises ``BadTarget``."""
    if url.lower().startswith(("http://", "https://")):
        return _http(url)
    try:
        target = target_of(url, None)
    except BadTarget as error:
        raise BadTarget("url", "must end with the name of a stream" if error.field != "url" else str(error)) from None
    return SourceAddress(shown=target.address, url=f"{target.address}/{target.key}", host=target.host, port=target.port)


def _http(url: str) -> SourceAddress:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("url", "has a host or port that is none") from None
    if not _PRINTABLE.fullmatch(url) or not parts.hostname or port == 0:
        raise BadTarget("url", "has a host or port that is none")
    if "@" in parts.netloc or "#" in url:
        raise BadTarget("url", "must have no user, password or fragment")
    port = port or (443 if parts.scheme == "https" else 80)
    return SourceAddress(shown=url.partition("?")[0], url=url, host=parts.hostname, port=port)
