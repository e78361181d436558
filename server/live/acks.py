"""What an event is checked against, and how the answer to it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable
from typing import Any, Final

import msgspec

from actors.runtime import ActorError, DomainError

Ack = dict[str, Any]

_MISSING: Final = re.compile("missing required field `([^`]*)`")


def shaped(shape: Any, args: list[Any]) -> Any:
    body = args[0] if args else {}
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        missing = _MISSING.search(message)
        field = ".".join(filter(None, (path.strip("`."), missing[1] if missing is not None else "")))
        raise DomainError("invalid", f"{message}.", field=field or None) from None


async def answered(answer: Awaitable[Ack]) -> Ack:
    try:
        return await answer
    except (DomainError, ActorError) as error:
        return refusal(error)


def refusal(error: DomainError | ActorError) -> Ack:
    """The acknowledgement of what was refused; one for a dependency that is away always has ``retry_after_ms``."""
    described: dict[str, Any] = {"code": error.code, "message": str(error)}
    retry_after_s = error.retry_after_s
    if isinstance(error, ActorError):
        described = {"code": "unavailable", "message": "That did not go through: try again in a moment."}
        retry_after_s = retry_after_s or 1.0
    if retry_after_s is not None:
        described["retry_after_ms"] = max(1, math.ceil(retry_after_s * 1000))
    if isinstance(error, DomainError) and error.field is not None:
        described["field"] = error.field
    return {"ok": False, "error": described}
