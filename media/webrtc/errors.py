"""Why an offer, a PATCH or a DELETE was not carried out, in the words of HTTP."""

from __future__ import annotations

from typing import Literal

from media.errors import MediaError

Reason = Literal[
    "malformed",
    "too_large",
    "unusable",
    "codec_unsupported",
    "b_frames",
    "ended",
    "not_started",
    "not_found",
    "etag_required",
    "etag_mismatch",
    "full",
    "too_many_offers",
    "no_such_layer",
]


class OfferRefused(MediaError):
    """``status`` is the HTTP status (RFC 9725, section 4), ``reason`` is for programs, the rest for people."""

    def __init__(self, status: int, *, reason: Reason, title: str, detail: str) -> None:
        super().__init__(status, reason, title, detail)
        self.status = status
        self.reason = reason
        self.title = title
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.status} {self.title}: {self.detail}"


def malformed(detail: str) -> OfferRefused:
    return OfferRefused(400, reason="malformed", title="Malformed session description", detail=detail)


def unusable(detail: str) -> OfferRefused:
    return OfferRefused(422, reason="unusable", title="Unusable session description", detail=detail)


def not_found() -> OfferRefused:
    return OfferRefused(404, reason="not_found", title="No such session", detail="It has ended or never was.")
