"""Passwords are hashed slowly on purpose, so the work is done in few threads and the queue for it is short."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from server.features.people import rules
from server.features.people.weak_passwords import WEAK, is_weak
from server.http.errors import Problem, invalid_field

Result = TypeVar("Result")
NICENESS: Final = 10
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
CONTAINS_NAME: Final = "must not contain the username"


def require_strong(password: str, field: str, username: str, email: str) -> None:
    """Raises a 422 for a password that is guessed first of a person with these names."""
    if rules.username_key(username) in rules.normal_password(password).casefold():
        raise invalid_field(field, CONTAINS_NAME)
    if is_weak(password, names=(username, email, email.partition("@")[0])):
        raise invalid_field(field, WEAK)


class Passwords:
    """argon2id (RFC 9106): at most ``threads`` computations at once and ``max_waiting`` behind them; more are refused
    with 503.

    The defaults are that one of the equally strong rows of OWASP's Password Storage Cheat Sheet which is the fastest:
    it takes the least memory, and so mostly fits in the caches of a core. OpenSSL computes it, without Python's lock,
    in three quarters of the time that the reference implementation takes. Half of the cores are left to all else.
    """

    def __init__(
        self,
        *,
        time_cost: int = 5,
        memory_kib: int = 7 * 1024,
        threads: int | None = None,
        max_waiting: int = 64,
    ) -> None:
        self._time_cost = time_cost
        self._memory_kib = memory_kib
        threads = threads or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords", initializer=_step_back)
        self._max_pending = threads + max_waiting
        self._pending = 0
        # Somebody unknown is checked against this, so that it takes as long as for somebody known.
        self._nobody = self._hash(secrets.token_urlsafe(16))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """False for a wrong password and, after the same work, for ``stored=None``."""
        is_right = await self._run(lambda: _matches(stored or self._nobody, password))
        return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than today's."""
        return not stored.startswith(f"$argon2id$v=19$m={self._memory_kib},t={self._time_cost},p=1$")

    def _hash(self, password: str) -> str:
        """In the form of the PHC, which names its parameters and its salt."""
        kdf = Argon2id(
            salt=secrets.token_bytes(SALT_BYTES),
            length=HASH_BYTES,
            iterations=self._time_cost,
            lanes=1,
            memory_cost=self._memory_kib,
        )
        return kdf.derive_phc_encoded(password.encode())

    async def _run(self, work: Callable[[], Result]) -> Result:
        """A caller that is cancelled leaves its computation behind; it counts until it is done."""
        if self._pending >= self._max_pending:
            raise Problem(503, "Too many people are signing in at once", slug="busy", retry_after_s=1)
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[Result]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()


def _matches(stored: str, password: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except (InvalidKey, ValueError):
        return False
    return True


def _step_back() -> None:
    """Where cores are few the event loop goes first: on Linux a thread has a priority of its own (setpriority(2))."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
