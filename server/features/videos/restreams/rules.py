"""What the address of a restream may be. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

MAX_URL: Final = 1_024
MAX_KEY: Final = 512
_PRINTABLE: Final = re.compile(r"[!-~]+")


class BadTarget(ValueError):
    """``field``: which of the two is wrong. The sentence repeats neither."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """``address``: without its stream key."""

    address: str
    host: str
    port: int
    key: str


def target_of(url: str, stream_key: str | None) -> Address:
    """An RTMP(S) address and its stream key, which is the last part of the path where it is not given apart.

    Raises ``BadTarget``.
    """
    address = url.rstrip("/")
    host, port = _host_of(address)
    if stream_key is None:
        address, key = _split(address)
    else:
        if "?" in address:
            raise BadTarget("url", "must not have a query beside a stream_key")
        key = stream_key
    if not _PRINTABLE.fullmatch(key):
        raise BadTarget("stream_key", "must be printable ASCII without spaces")
    return Address(address=address, host=host, port=port, key=key)


def _host_of(url: str) -> tuple[str, int]:
    if not _PRINTABLE.fullmatch(url):
        raise BadTarget("url", "must be printable ASCII without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("url", "has a host or port that is none") from None
    if parts.scheme not in ("rtmp", "rtmps") or not parts.hostname:
        raise BadTarget("url", "must begin with rtmp:// or rtmps:// and a host")
    if "@" in parts.netloc or "#" in url:
        raise BadTarget("url", "must have no user, password or fragment")
    if port == 0:
        raise BadTarget("url", "has a host or port that is none")
    return parts.hostname, port or (443 if parts.scheme == "rtmps" else 1935)


def _split(url: str) -> tuple[str, str]:
    """The address and the key, which takes the query with it."""
    path, _, query = url.partition("?")
    address, _, key = path.rstrip("/").rpartition("/")
    if not urlsplit(address).path.strip("/") or not key:
        raise BadTarget("stream_key", "is required where the url does not end with it")
    return address, f"{key}?{query}" if query else key
