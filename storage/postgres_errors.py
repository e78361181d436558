"""What the driver raises, as errors of ours: a retry may succeed, the caller was wrong, or another row forbids it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from storage.errors import BadValue, Conflict, Deadlock, StorageError, Unavailable

NAME: Final = "postgres"
# Classes and codes of Appendix A of the Postgres manual for which a later retry can succeed: connection exceptions,
# read-only (a standby after a fail-over), silence in a transaction, rollbacks, resources (disk full, too many
# connections), operator intervention (shutdown, statement timeout), lock timeouts, system errors.
_PASSING: Final = ("08", "25006", "25P03", "40", "53", "57", "55P03", "58")
_DEADLOCK: Final = "40P01"
_OF_DRIVER: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_REFUSED_AT_CONNECT: Final = ("28", "3D")


@contextlib.contextmanager
def translated(foreign: Sequence[BaseException] = ()) -> Any:
    """Turn the driver's errors into ours. Errors of ours, and those in ``foreign``, pass as they are."""
    try:
        yield
    except (*_OF_DRIVER, TimeoutError, OSError) as error:
        if any(error is passing for passing in foreign):
            raise
        raise _of(error) from error


def _of(error: Exception) -> StorageError:
    if isinstance(error, asyncpg.PostgresError):
        return _of_server(error)
    if isinstance(error, _OF_DRIVER):
        return _of_client(error)
    if isinstance(error, TimeoutError):
        return Unavailable(NAME, "no answer within the deadline")
    return Unavailable(NAME, str(error) or type(error).__name__)


def _of_server(error: asyncpg.PostgresError) -> StorageError:
    code = getattr(error, "sqlstate", None) or ""
    if code.startswith("23"):
        return Conflict(getattr(error, "constraint_name", None) or code, getattr(error, "detail", None) or "")
    if code.startswith("22"):
        return BadValue(str(error))
    if code == _DEADLOCK:
        return Deadlock(NAME, str(error))
    if code.startswith((*_PASSING, *_REFUSED_AT_CONNECT)):
        return Unavailable(NAME, str(error))
    return StorageError(f"{code}: {error}")


def _of_client(error: Exception) -> StorageError:
    if isinstance(error, asyncpg.DataError):
        return BadValue(str(error))
    # The driver says with the same class that a connection is gone and that its caller is wrong. Its internal error is
    # a connection that was lost at an odd moment; it is not used again.
    is_lost = isinstance(error, asyncpg.InternalClientError) or "clos" in str(error)
    return Unavailable(NAME, str(error)) if is_lost else StorageError(str(error))
