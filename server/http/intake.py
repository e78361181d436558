"""From the bytes of a request to values that a handler may trust."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web
from pydantic import BaseModel, ValidationError

from server.http.errors import FieldError, Problem, field_errors
from server.http.operation import UUID, Operation, PathFormat

MAX_DEPTH: Final = 32

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\";\s]+)", re.IGNORECASE)


async def read_body(request: web.Request, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body. Raises a 413 as soon as more than ``max_bytes`` is announced or has come, and a 408 when it is
    not there ``timeout_s`` seconds from now; both close the connection, as its rest is not read.
    """
    if request.content_length is not None and request.content_length > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_bounded(request, max_bytes)
    except TimeoutError as error:
        raise Problem(
            408, f"The body was not complete after {timeout_s:g} s", headers={"Connection": "close"}
        ) from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Problem(400, "The body could not be read", headers={"Connection": "close"}) from error


async def _read_bounded(request: web.Request, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await request.content.readany():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> Problem:
    return Problem(413, f"At most {max_bytes} bytes are taken here", headers={"Connection": "close"})


def require_content_type(request: web.Request, expected: Sequence[str]) -> None:
    """Raises a 415 unless the body is declared as one of ``expected`` (for JSON also ``…+json``; ``image/*`` is any
    image), in UTF-8.
    """
    declared = request.headers.get("Content-Type", "")
    media_type = declared.partition(";")[0].strip().lower()
    charset = _CHARSET.search(declared)
    is_same = any(_is_media_type(media_type, one) for one in expected)
    is_utf8 = charset is None or charset[1].lower() in {"utf-8", "utf8"}
    if not is_same or not is_utf8:
        taken = ", ".join(expected)
        encoding = "" if "/*" in taken else " in UTF-8"
        raise Problem(415, f"Send {taken}{encoding}", headers={"Accept": taken})


def _is_media_type(declared: str, expected: str) -> bool:
    if expected.endswith("/*"):
        return declared.startswith(expected[:-1])
    return declared == expected or (expected == "application/json" and _is_json_suffix(declared))


def _is_json_suffix(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")


def parse_json(raw: bytes) -> Any:
    """Strict JSON (RFC 8259): raises a 400 for anything else, also for NaN, broken UTF-8, lone surrogates and nesting
    deeper than ``MAX_DEPTH``.
    """
    try:
        document = msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        raise Problem(422, "A number is out of range", errors=[FieldError("", "a number is out of range")]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "The body is not valid JSON") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(document, 1)
    return document


def _check_depth(value: Any, depth: int) -> None:
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise _too_deep()
    for one in value.values() if isinstance(value, dict) else value:
        _check_depth(one, depth + 1)


def _too_deep() -> Problem:
    return Problem(400, f"The JSON is nested more than {MAX_DEPTH} deep")


def nul_errors(value: Any, where: str = "") -> list[FieldError]:
    """Every string with a NUL character: JSON can say it, Postgres cannot hold it."""
    if isinstance(value, str):
        return [FieldError(where, "must not contain NUL characters")] if "\x00" in value else []
    if isinstance(value, list):
        return [one for index, item in enumerate(value) for one in nul_errors(item, _join(where, str(index)))]
    if isinstance(value, dict):
        keys = [FieldError(where, "a name must not contain NUL characters") for key in value if "\x00" in key]
        return keys + [one for key, item in value.items() for one in nul_errors(item, _join(where, key))]
    return []


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def validate_body(model: type[BaseModel], raw: bytes) -> tuple[BaseModel | None, list[FieldError]]:
    """The model, or what is wrong with it."""
    document = parse_json(raw)
    errors = nul_errors(document)
    if errors:
        return None, errors
    try:
        return model.model_validate_json(raw), []
    except ValidationError as error:
        return None, field_errors(error)


def validate_query(model: type[BaseModel], request: web.Request) -> tuple[BaseModel | None, list[FieldError]]:
    """Each declared parameter at most once; the others are left alone."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    given = {name: request.query.getall(name) for name in names if name in request.query}
    errors = [FieldError(name, "is given more than once") for name, values in given.items() if len(values) > 1]
    errors += [one for name, values in given.items() for one in nul_errors(values[0], name)]
    if errors:
        return None, errors
    try:
        return model.model_validate_strings({name: values[0] for name, values in given.items()}), []
    except ValidationError as error:
        return None, field_errors(error)


def path_formats(operation: Operation) -> Mapping[str, PathFormat]:
    """The format of every parameter of the operation's path; a UUID unless it says otherwise."""
    names = re.findall(r"{([a-z_]+)}", operation.path)
    return {name: operation.paths.get(name, UUID) for name in names}


def check_path(formats: Mapping[str, PathFormat], values: Mapping[str, str]) -> Mapping[str, str]:
    """Raises a 404 for a value that cannot name anything. UUIDs are answered in lower case."""
    for name, kind in formats.items():
        if re.fullmatch(kind.pattern, values[name]) is None:
            raise Problem(404)
    return {name: value.lower() if formats[name] is UUID else value for name, value in values.items()}
