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

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.features.people import rules
from server.features.people.weak_passwords import WEAK, is_weak
from server.http.errors import Problem, invalid_field

Result = TypeVar("Result")
NICENESS: Final = 10
CONTAINS_NAME: Final = "must not contain the username"


def require_strong(password: str, field: str, username: str, email: str) -> None:
    """Raises a 422 for a password that is guessed first of a person with these names."""
    if rules.username_key(username) in rules.normal_password(password).casefold():
        raise invalid_field(field, CONTAINS_NAME)
    if is_weak(password, names=(username, email, email.partition("@")[0])):
        raise invalid_field(field, WEAK)


class Passwords:
    """argon2id: at most ``threads`` computations at once and ``max_waiting`` behind them; more are refused with 503.

    The defaults cost about 19 MiB and a few tens of milliseconds each. Half of the cores are left to all else.
    """

    def __init__(
        self,
        *,
        time_cost: int = 2,
        memory_kib: int = 19 * 1024,
        parallelism: int = 1,
        threads: int | None = None,
        max_waiting: int = 64,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        threads = threads or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords", initializer=_step_back)
        self._max_pending = threads + max_waiting
        self._pending = 0
        # Somebody unknown is checked against this, so that it takes as long as for somebody known.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """False for a wrong password and, after the same work, for ``stored=None``."""
        is_right = await self._run(lambda: self._matches(stored or self._nobody, password))
        return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

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


def _step_back() -> None:
    """Where cores are few the event loop goes first: on Linux a thread has a priority of its own (setpriority(2))."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
