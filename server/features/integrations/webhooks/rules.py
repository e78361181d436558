"""How a delivery is signed, and when it is tried again. Pure."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

DAY_S: Final = 86_400.0
"""For so long a delivery is tried."""
PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)
"""After the first failure, the second and so on; the last one after all that follow."""
LONGEST_SILENCE_S: Final = 900.0
LOST_S: Final = DAY_S - 600.0
"""After so long without a success a webhook is switched off: the last try of the first delivery comes after it."""


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
