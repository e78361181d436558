"""The errors of the floors below, as problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.restrictions import AGE, CLAIMED, COUNTRY, WITHHELD
from actors.runtime.errors import ActorError, DeadlineExceeded, DomainError, MailboxFull
from server.http.errors import FieldError, Problem, ProblemTable
from storage.errors import BadValue, Conflict, Fenced, Unavailable

DOMAIN_STATUSES: Final[Mapping[str, int]] = {
    "invalid": 422,
    "bad_request": 400,
    "empty_text": 422,
    "text_too_long": 422,
    "unauthorized": 401,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_allowed": 403,
    "not_owner": 403,
    "banned": 403,
    "blocked": 403,
    "password_required": 403,
    "emotes_only": 403,
    "followers_only": 403,
    "subscribers_only": 403,
    "timed_out": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "too_large": 413,
    "rate_limited": 429,
    COUNTRY: 451,
    AGE: 451,
    WITHHELD: 451,
    CLAIMED: 451,
    "restricted": 403,
    "slow_mode": 429,
    "unavailable": 503,
}


def known_errors(codes: Mapping[str, int] | None = None) -> ProblemTable:
    """``codes``: ``DomainError`` code → status, of features."""
    statuses = {**DOMAIN_STATUSES, **(codes or {})}
    return ProblemTable(
        [
            (DomainError, lambda error: _refusal(error, statuses)),
            (MailboxFull, _busy),
            (DeadlineExceeded, _late),
            (ActorError, _away),
            (Unavailable, lambda error: Problem(503, retry_after_s=error.retry_after_s)),
            (Fenced, lambda error: Problem(503, retry_after_s=1)),
            (Conflict, lambda error: Problem(409)),
            (BadValue, lambda error: Problem(422, "A value cannot be stored")),
        ]
    )


def _refusal(error: DomainError, statuses: Mapping[str, int]) -> Problem:
    status = statuses.get(error.code) or _status_of_shape(error)
    errors = [FieldError(error.field, error.message or error.code)] if error.field else []
    return Problem(
        status,
        error.message or None,
        slug=error.code.replace("_", "-"),
        errors=errors,
        headers={"WWW-Authenticate": "Bearer"} if status == 401 else None,
        retry_after_s=_retry(error, status),
        extra={"code": error.code},
    )


def _status_of_shape(error: DomainError) -> int:
    if error.retry_after_s is not None:
        return 429
    return 422 if error.field else 409


def _retry(error: DomainError, status: int) -> float | None:
    """429 and 503 always say when to come back."""
    return error.retry_after_s or (1.0 if status in {429, 503} else None)


def _busy(error: ActorError) -> Problem:
    return Problem(503, "Too much is asked of this at the moment", slug="busy", retry_after_s=error.retry_after_s or 1)


def _late(error: ActorError) -> Problem:
    return Problem(503, "No answer came in time", slug="timeout", retry_after_s=error.retry_after_s or 1)


def _away(error: ActorError) -> Problem:
    return Problem(503, retry_after_s=error.retry_after_s or 1)
