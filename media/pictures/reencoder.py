"""Pictures that people send, and those of recordings, made in child processes: one order, one process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from media.errors import MediaError
from media.order_process import carry_out
from media.pictures.messages import (
    MakeSheet,
    Order,
    PictureSize,
    Reencode,
    Reencoded,
    RefusalCode,
    Refused,
    Result,
    encode,
    results,
)

DEADLINE_S: Final = 30.0
"""From a worker's start to its end; the wait for its turn is not in it."""
MAX_RESULT_BYTES: Final = 32 * 1024 * 1024


class PictureRefusedError(MediaError):
    """There is nothing to show in these bytes; ``detail`` may be shown to the person."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


class TooManyPicturesError(MediaError):
    """As many pictures wait as may; nothing was begun."""


class Reencoder:
    """At most ``at_once`` processes work, and ``max_waiting`` pictures wait for their turn."""

    def __init__(
        self,
        *,
        max_pixels: int,
        max_frames: int = 1,
        at_once: int = 2,
        max_waiting: int = 16,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._max_pixels = max_pixels
        self._max_frames = max_frames
        self._turns = asyncio.Semaphore(at_once)
        self._room = at_once + max_waiting
        self._deadline_s = deadline_s
        self._inside = 0

    async def reencode(self, data: bytes, sizes: Sequence[PictureSize]) -> Sequence[bytes]:
        """A WebP of each size, without any metadata. With ``max_frames`` of 1 the first frame is taken of an animation.

        Raises ``PictureRefusedError``, and ``TooManyPicturesError`` at once. Cancelled, no process remains.
        """
        return (await self.described(data, sizes, has_blurhash=False)).pictures

    async def described(self, data: bytes, sizes: Sequence[PictureSize], *, has_blurhash: bool = True) -> Reencoded:
        """As ``reencode``, with what they look like."""
        order = Reencode(
            data=data,
            sizes=tuple(sizes),
            max_pixels=self._max_pixels,
            max_frames=self._max_frames,
            has_blurhash=has_blurhash,
        )
        return await self._carry_out(order)

    async def sheet(self, order: MakeSheet) -> bytes:
        """A WebP. Raises and is cancelled as ``reencode``."""
        (made,) = (await self._carry_out(order)).pictures
        return made

    async def _carry_out(self, order: Order) -> Reencoded:
        if self._inside >= self._room:
            raise TooManyPicturesError("too many pictures are being worked on")
        self._inside += 1
        try:
            async with self._turns:
                result = await self._ask(order)
        finally:
            self._inside -= 1
        if isinstance(result, Refused):
            raise PictureRefusedError(result.code, result.detail)
        return result

    async def _ask(self, order: Order) -> Result:
        try:
            answer = await carry_out(
                "media.pictures.worker",
                encode(order),
                deadline_s=self._deadline_s,
                max_answer_bytes=MAX_RESULT_BYTES,
            )
        except TimeoutError:
            return Refused("too_costly", "The picture takes too long")
        except OSError as error:
            raise TooManyPicturesError(f"no process can be started: {error}") from error
        return _result(answer.data, answer.code)


def _result(answer: bytes, code: int | None) -> Result:
    """No answer: the picture was more than its reader could stand, or the kernel ended the worker at its limits."""
    if code is not None and code > 0:
        return Refused("broken", "The picture is broken")
    try:
        result: Result = results.decode(answer)
        return result
    except msgspec.DecodeError:
        return Refused("too_costly", "The picture takes too much to decode")
