"""What the media process says of an offer, as an answer over HTTP (RFC 9725, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from media.control import Answered, Refused
from server.http.errors import Problem
from server.live.node_actor import MediaOutcome
from server.live.webrtc_session import Protocol

SDP: Final = "application/sdp"
RETRY_AFTER_S: Final = {429: 5.0, 503: 2.0}


def created(kind: Protocol, resource: str, answered: Answered, *, links: Sequence[str]) -> web.StreamResponse:
    """``links``: values of ``Link``."""
    headers = CIMultiDict(
        {
            "Location": f"/{kind}/sessions/{resource}",
            "ETag": answered.etag,
            "Content-Type": SDP,
            "Access-Control-Expose-Headers": "Location, ETag, Link",
            "Cache-Control": "no-store",
        }
    )
    for link in links:
        headers.add("Link", link)
    return web.Response(status=201, body=answered.sdp.encode(), headers=headers)


def answer_of(outcome: MediaOutcome) -> Answered:
    """Raises a 503 where there is none."""
    if outcome.answered is None:
        raise Problem(503, "The media process gave no answer", retry_after_s=1.0)
    return outcome.answered


def refused_problem(refused: Refused) -> Problem:
    retry_after_s = RETRY_AFTER_S.get(refused.status)
    slug = refused.code.replace("_", "-")
    return Problem(
        refused.status, refused.message, slug=slug, retry_after_s=retry_after_s, extra={"reason": refused.code}
    )


def text_of(body: bytes) -> str:
    """Raises a 400."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8") from None
