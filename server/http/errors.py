"""What goes wrong on an HTTP request, as RFC 9457 problem details.

``Problem`` is the one exception that handlers raise; errors of the floors below are turned into one by ``problem_of``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web
from pydantic import ValidationError

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPES: Final = "/problems/"

TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed", "The request is malformed"),
    401: ("unauthorized", "Sign in first"),
    403: ("forbidden", "You may not do this"),
    404: ("not-found", "There is no such thing here"),
    405: ("method-not-allowed", "This method is not supported here"),
    406: ("not-acceptable", "No answer in an accepted form"),
    408: ("timeout", "The request took too long to arrive"),
    409: ("conflict", "This conflicts with what is there"),
    410: ("gone", "This is no longer here"),
    412: ("precondition-failed", "A precondition does not hold"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "The content type is not supported"),
    416: ("range-not-satisfiable", "The range cannot be served"),
    417: ("expectation-failed", "The expectation cannot be met"),
    422: ("invalid", "The request is invalid"),
    423: ("locked", "Somebody else is at work on this"),
    428: ("precondition-required", "A precondition is required"),
    429: ("too-many-requests", "Too many requests"),
    431: ("head-too-large", "The request's head is too large"),
    451: ("restricted", "This is not available to you"),
    460: ("checksum-mismatch", "The checksum is another"),
    500: ("internal", "Something went wrong on the server"),
    501: ("not-implemented", "This is not supported"),
    503: ("unavailable", "The service is not available for a moment"),
    504: ("timeout-upstream", "The answer took too long"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field; ``field`` is a dotted path, empty for the document as a whole."""

    field: str
    message: str


class Problem(Exception):  # an answer, named as RFC 9457 names it
    """An answer that is not a success.

    ``slug`` ends the problem's ``type``; ``extra`` adds members beside the standard ones;
    ``retry_after_s`` becomes ``Retry-After``, rounded up to whole seconds and at least 1.
    """

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        slug: str | None = None,
        title: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        default_slug, default_title = TITLES.get(status, ("error", "The request failed"))
        self.status = status
        self.detail = detail
        self.slug = slug or default_slug
        self.title = title or default_title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
        super().__init__(f"{status} {self.slug}" + (f": {detail}" if detail else ""))

    def document(self, *, instance: str) -> dict[str, Any]:
        """The members of the problem document, in the order a person reads them."""
        document: dict[str, Any] = {
            "type": PROBLEM_TYPES + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [{"field": one.field, "message": one.message} for one in self.errors]
        document.update(self.extra)
        return document

    def response(self, *, instance: str) -> web.Response:
        body = msgspec.json.encode(self.document(instance=instance))
        headers = {"Cache-Control": "no-store", **self.headers}
        return web.Response(status=self.status, body=body, content_type=PROBLEM_MEDIA_TYPE, headers=headers)


class Unauthorized(Problem):
    """The caller is not who they say, or does not say; ``code`` is for programs:
    ``token_missing``, ``token_invalid``, ``token_expired`` or ``token_revoked``.
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        challenge = "Bearer" if code == "token_missing" else f'Bearer error="invalid_token", error_description="{code}"'
        super().__init__(
            401,
            detail,
            slug=code.replace("_", "-"),
            headers={"WWW-Authenticate": challenge},
            extra={"code": code},
        )


def not_found(detail: str | None = None) -> Problem:
    return Problem(404, detail)


def invalid(*errors: FieldError) -> Problem:
    """A 422 that names every wrong field."""
    return Problem(422, "; ".join(_sentence(one) for one in errors), errors=errors)


def invalid_field(field: str, message: str) -> Problem:
    return invalid(FieldError(field, message))


def field_errors(error: ValidationError) -> list[FieldError]:
    """All that pydantic found, as sentences for people, without the input that it found it in."""
    found = error.errors(include_url=False, include_input=False)
    return [FieldError(".".join(str(part) for part in one["loc"]), _message(one)) for one in found]


def _message(found: Any) -> str:
    context = found.get("ctx", {})
    kind = found["type"]
    if kind in _LENGTHS:
        bound, unit = context[_LENGTHS[kind]], "character" if kind.startswith("string") or _is_text(found) else "item"
        least = "at least" if kind.endswith("short") else "at most"
        return f"must have {least} {bound} {unit}{'s' if bound != 1 else ''}"
    return _PLAIN.get(kind) or str(found["msg"]).removeprefix("Value error, ")


def _is_text(found: Any) -> bool:
    """Pydantic says "Value should have …" of a text that was normalised first, and names lists, sets and tuples."""
    return bool(found["msg"].startswith("Value should"))


_LENGTHS: Final = {
    "string_too_short": "min_length",
    "string_too_long": "max_length",
    "too_short": "min_length",
    "too_long": "max_length",
}
_PLAIN: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
}


def _sentence(error: FieldError) -> str:
    return f"{error.field}: {error.message}" if error.field else error.message


def from_http_exception(error: web.HTTPException) -> Problem:
    """aiohttp's own 4xx and 5xx, with the headers that carry meaning."""
    kept = {name: value for name, value in error.headers.items() if name.lower() in _MEANINGFUL_HEADERS}
    if isinstance(error, web.HTTPMethodNotAllowed):
        kept["Allow"] = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    return Problem(error.status, headers=kept)


_MEANINGFUL_HEADERS: Final = frozenset({"allow", "retry-after", "www-authenticate", "location", "content-range"})

Translation = Callable[[Any], Problem]


class ProblemTable:
    """Which error of the floors below becomes which problem; the most derived class wins."""

    def __init__(self, rows: Iterable[tuple[type[BaseException], Translation]]) -> None:
        self._rows = dict(rows)

    def problem_of(self, error: BaseException) -> Problem | None:
        """None: nobody foresaw this error."""
        if isinstance(error, Problem):
            return error
        if isinstance(error, web.HTTPException):
            return from_http_exception(error)
        for kind in type(error).__mro__:
            if kind in self._rows:
                return self._rows[kind](error)
        return None
