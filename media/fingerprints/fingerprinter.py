"""Has fingerprints made of media of unknown origin by child processes: one order, one process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from media.errors import MediaError
from media.fingerprints.messages import Fingerprint, Hash, Refused, Result, encode, results
from media.order_process import carry_out

DEADLINE_S: Final = 600.0
MAX_RESULT_BYTES: Final = 64 * 1024 * 1024


class NoFingerprintError(MediaError):
    """The media cannot be decoded, or takes too much."""


class Fingerprinter:
    """At most ``at_once`` processes work; others wait for their turn."""

    def __init__(self, *, at_once: int = 1, deadline_s: float = DEADLINE_S) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._deadline_s = deadline_s

    async def make(self, order: Fingerprint) -> Sequence[Hash]:
        """The hashes in order of time. Raises ``NoFingerprintError``. Cancelled, no process remains."""
        try:
            async with self._turns:
                answer = await carry_out(
                    "media.fingerprints.worker",
                    encode(order),
                    deadline_s=self._deadline_s,
                    max_answer_bytes=MAX_RESULT_BYTES,
                )
            result: Result = results.decode(answer.data)
        except (TimeoutError, OSError, msgspec.DecodeError):
            raise NoFingerprintError("the media takes too much to decode") from None
        if isinstance(result, Refused):
            raise NoFingerprintError(result.detail)
        return result.hashes
