"""What is pushed to a device, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from server.outbound.http import BadAnswer, Reply
from server.outbound.public_addresses import NotPublic

Urgency = Literal["low", "normal", "high"]
"""RFC 8030, 5.3."""

MAX_RETRY_AFTER_S: Final = 3_600.0
MAX_REASON_CHARS: Final = 200
MAX_ANSWER: Final = 4_096
TIMEOUT_S: Final = 12.0
CONNECT_S: Final = 6.0


class PushMessage(msgspec.Struct, frozen=True, kw_only=True):
    """``data``: for the program on the device. ``topic``: a message takes the place of one with the same topic that
    was not delivered yet, at most 32 characters of base64url (RFC 8030, 5.4). ``ttl_s``: it is dropped after so long.
    """

    title: str
    body: str
    data: Mapping[str, str]
    topic: str
    ttl_s: int
    urgency: Urgency


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """``gone``: the device takes no more, for good. ``later``: try again, after ``after_s`` if the service says so.
    ``unsure``: the service may have it, so it is not sent again.
    """

    state: Literal["sent", "gone", "later", "failed", "unsure"]
    reason: str = ""
    after_s: float | None = None


SENT: Final = Outcome(state="sent")


def outcome_of(reply: Reply) -> Outcome:
    """Of the answer of a push service (RFC 8030, 5 and 7.3)."""
    status = reply.status
    if 200 <= status < 300:
        return SENT
    if status in (404, 410):
        return Outcome(state="gone", reason=f"the service answered {status}")
    said = reply.beginning[:MAX_REASON_CHARS].decode("utf-8", "replace").replace("\x00", "")
    reason = f"the service answered {status}: {said}"[:MAX_REASON_CHARS]
    if status == 429 or status >= 500:
        return Outcome(state="later", reason=reason, after_s=_seconds(reply.retry_after))
    return Outcome(state="failed", reason=reason)


def outcome_of_failure(error: OSError | TimeoutError) -> Outcome:
    """Of a request that had no answer: only one that never reached the service may be sent again."""
    if isinstance(error, NotPublic):
        return Outcome(state="failed", reason="the address is not a public one")
    if isinstance(error, TimeoutError):
        return Outcome(state="unsure", reason="the service did not answer in time")
    if isinstance(error, BadAnswer):
        return Outcome(state="unsure", reason=str(error)[:MAX_REASON_CHARS])
    return Outcome(state="later", reason="the service cannot be reached")


def _seconds(retry_after: str) -> float | None:
    """``Retry-After`` in seconds; a date is left aside."""
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return min(float(retry_after), MAX_RETRY_AFTER_S) if is_number else None
