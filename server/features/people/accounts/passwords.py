"""Passwords: what they must be like, and their hashes. The queue for the hashing is short, and so is its patience."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Final

from server.features.people import rules
from server.features.people.weak_passwords import WEAK, is_weak
from server.hashing.argon2 import MATCHES, Cost, Hash, Verify, Work
from server.hashing.process import Hashing, HashingFailed, HashingProcess
from server.http.errors import Problem, invalid_field

CONTAINS_NAME: Final = "must not contain the username"
COST: Final = Cost(time_cost=5, memory_kib=7 * 1024)
"""That one of the equally strong rows of OWASP's Password Storage Cheat Sheet which is the fastest: it takes the least
memory, and so mostly fits in the caches of a core.
"""
DEADLINE_S: Final = 10.0


def require_strong(password: str, field: str, username: str, email: str) -> None:
    """Raises a 422 for a password that is guessed first of a person with these names."""
    if rules.username_key(username) in rules.normal_password(password).casefold():
        raise invalid_field(field, CONTAINS_NAME)
    if is_weak(password, names=(username, email, email.partition("@")[0])):
        raise invalid_field(field, WEAK)


class Passwords:
    """argon2id: at most ``at_once`` hashes are computed and ``max_waiting`` wait; more, and those whose turn has not
    come within ``deadline_s``, are refused with 503. Half of the cores are left to all else.
    """

    def __init__(
        self,
        *,
        cost: Cost = COST,
        at_once: int | None = None,
        max_waiting: int = 64,
        deadline_s: float = DEADLINE_S,
        hashing: Hashing | None = None,
    ) -> None:
        """``hashing`` computes ``at_once``; default: a process of its own."""
        at_once = at_once or max(1, (os.cpu_count() or 1) // 2)
        self._cost = cost
        self._hashing = hashing or HashingProcess(threads=at_once)
        self._deadline_s = deadline_s
        self._max_pending = at_once + max_waiting
        self._pending: set[asyncio.Task[str]] = set()
        self._nobody: str | None = None

    def close(self) -> None:
        self._hashing.close()

    async def hash(self, password: str) -> str:
        return await self._run(Hash(password, self._cost))

    async def verify(self, stored: str | None, password: str) -> bool:
        """False for a wrong password and, after the same work, for ``stored=None``."""
        if self._nobody is None:
            # Made before the first answer of either kind, so that nobody's takes as long as anybody's.
            self._nobody = await self.hash(secrets.token_urlsafe(16))
        is_right = await self._run(Verify(password, stored or self._nobody)) == MATCHES
        return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than today's."""
        return not self._cost.is_of(stored)

    async def _run(self, work: Work) -> str:
        """A caller that is cancelled leaves its computation behind; it counts until it is done."""
        if len(self._pending) >= self._max_pending:
            raise _busy()
        task = asyncio.get_running_loop().create_task(self._hashing.carry_out(work, within_s=self._deadline_s))
        self._pending.add(task)
        task.add_done_callback(self._done)
        try:
            return await asyncio.shield(task)
        except HashingFailed as error:
            raise _busy() from error

    def _done(self, task: asyncio.Task[str]) -> None:
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()


def _busy() -> Problem:
    return Problem(503, "Too many people are signing in at once", slug="busy", retry_after_s=1)
