"""What a webhook may be, how a delivery is signed, and when it is tried again. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 1_024
DAY_S: Final = 86_400.0
"""For so long a delivery is tried."""
PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)
"""After the first failure, the second and so on; the last one after all that follow."""
LONGEST_SILENCE_S: Final = 900.0
LOST_S: Final = DAY_S - 600.0
"""After so long without a success a webhook is switched off: the last try of the first delivery comes after it."""

_PRINTABLE: Final = re.compile(r"[!-~]+")


class BadUrl(ValueError):
    """The sentence does not repeat the address."""


def host_of(url: str) -> tuple[str, int]:
    """The host and port of a webhook's address. Raises ``BadUrl``."""
    if not _PRINTABLE.fullmatch(url) or len(url) > MAX_URL:
        raise BadUrl(f"must be printable ASCII without spaces, at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUrl("has a host or port that is none") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl("must begin with https:// or http:// and a host")
    if "@" in parts.netloc or "#" in url:
        raise BadUrl("must have no user, password or fragment")
    if port == 0:
        raise BadUrl("has a host or port that is none")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def signature(secret: str, body: str, at: int) -> str:
    """``Socialflow-Signature``: HMAC-SHA256 (RFC 2104) of the Unix time, a dot and the body, with the whole secret."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def pause_s(tries: int) -> float:
    """How long a delivery waits after so many tries that failed."""
    return PAUSES_S[min(tries, len(PAUSES_S)) - 1]


def silence_s(silences: int) -> float:
    """How long a receiver is left alone after so many tries in a row that it did not answer."""
    return min(pause_s(silences), LONGEST_SILENCE_S)
