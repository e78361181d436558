"""Key frames to pictures, pictures to slates, sound to its level, one after another, by one worker for all streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from media.errors import MediaError
from media.transcode.child import Child, SlowStartError
from media.transcode.messages import (
    MakePicture,
    MakeSlate,
    MeasureSound,
    Order,
    PictureMade,
    SlateMade,
    SlateShape,
    SoundLevel,
    SoundMeasured,
    WorkerAnswer,
)
from media.transcode.patience import Backoff, Patience
from media.unit import Track, Unit

DEADLINE_S = 3.0
SLATE_DEADLINE_S = 15.0
_ANSWERS = PictureMade | SlateMade | SoundMeasured
MAX_UNIT_BYTES = 8 * 1024 * 1024


class PictureTaker:
    """One picture at a time. A worker that is late is waited for, and there are no pictures meanwhile; one that crashed
    or is hung is replaced, after a pause that grows.
    """

    def __init__(
        self, *, hire: Callable[[], Awaitable[Child]], release: Callable[[Child, str], None], max_waiting: int
    ) -> None:
        self._hire = hire
        self._release = release
        self._max_waiting = max_waiting
        self._inside = 0
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._hiring: asyncio.Task[Child] | None = None
        self._number = self._answered = 0
        self._is_late = False
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(now=self._loop.time())
        self._backoff = Backoff()
        self._not_before = 0.0
        self._is_closed = False

    async def take(self, track: Track, unit: Unit) -> bytes | None:
        """None at once if ``max_waiting`` others wait or the worker is late; after 3 s at most, waiting included."""
        if self._is_closed or track.kind != "video" or len(unit.data) > MAX_UNIT_BYTES:
            return None
        if self._inside > self._max_waiting or self._is_held_up():
            return None
        answer = await self._answer(lambda number: MakePicture(number, track, unit), DEADLINE_S)
        return answer.picture if isinstance(answer, PictureMade) else None

    async def slate(self, shape: SlateShape, picture: bytes) -> tuple[Track, list[Unit]] | None:
        """The group of pictures of a still one; None where there is none, after 15 s at most."""
        if self._is_closed or self._is_held_up():
            return None
        answer = await self._answer(lambda number: MakeSlate(number, shape, picture), SLATE_DEADLINE_S)
        if not isinstance(answer, SlateMade) or answer.track is None:
            return None
        return answer.track, answer.units

    async def sound_level(self, track: Track, units: Sequence[Unit]) -> SoundLevel | None:
        """None at once if others wait or the worker is late."""
        if self._is_closed or self._inside > self._max_waiting or self._is_held_up():
            return None
        answer = await self._answer(lambda number: MeasureSound(number, track, list(units)), DEADLINE_S)
        return answer.level if isinstance(answer, SoundMeasured) else None

    async def _answer(self, order: Callable[[int], Order], deadline_s: float) -> WorkerAnswer | None:
        self._inside += 1
        try:
            async with asyncio.timeout(deadline_s) as deadline, self._turn:
                return await self._ask(order, deadline)
        except (TimeoutError, MediaError):
            return None
        finally:
            self._inside -= 1

    def close(self) -> None:
        """End the worker; pictures under way are None, and so are all others from now on."""
        self._is_closed = True
        self._dismiss()
        if self._hiring is not None:
            self._hiring.cancel()

    def _is_held_up(self) -> bool:
        """Whether a picture would only be one more that no one gets to: the worker is late, or it is too soon for the
        next worker.
        """
        child, now = self._child, self._loop.time()
        if self._is_late and child is not None and not child.gone.is_set():
            hung = self._patience.verdict(now, child.vitals())
            if hung:
                self._dismiss(hung)
                self._not_before = now + self._backoff.overloaded()
            return True
        return now < self._not_before

    async def _ask(self, order: Callable[[int], Order], deadline: asyncio.Timeout) -> WorkerAnswer | None:
        child = await self._worker()
        self._number += 1
        number = self._number
        answered = asyncio.Event()
        answers: list[WorkerAnswer] = []

        def receive(answer: WorkerAnswer) -> None:
            self._note(answer)
            if isinstance(answer, _ANSWERS) and answer.number == number:
                answers.append(answer)
                answered.set()

        self._patience.progressed(self._loop.time())
        child.attach(receive, on_gone=answered.set)
        child.send(order(number))
        try:
            await answered.wait()
        except asyncio.CancelledError:
            # Whoever asked may lose interest; only for a worker that is too slow do the others go without.
            self._is_late = self._is_late or (deadline.expired() and self._answered < number)
            raise
        return answers[0] if answers else None

    def _note(self, answer: WorkerAnswer) -> None:
        if isinstance(answer, _ANSWERS):
            self._answered = answer.number
            self._patience.progressed(self._loop.time())
            self._backoff.went_well()
            self._is_late = self._is_late and answer.number < self._number

    async def _worker(self) -> Child:
        if self._child is None or self._child.gone.is_set():
            if self._child is not None:
                self._not_before = self._loop.time() + self._backoff.overloaded()
            self._dismiss()
            self._child = await self._hired()
            self._child.task = "pictures"
        return self._child

    async def _hired(self) -> Child:
        """The next worker. A start outlives its caller: given up half way it would have been for nothing."""
        if self._hiring is None:
            self._hiring = asyncio.ensure_future(self._hire())
        hiring = self._hiring
        try:
            child = await asyncio.shield(hiring)
        except SlowStartError:
            self._not_before = self._loop.time() + self._backoff.overloaded()
            raise
        finally:
            if hiring.done():
                self._hiring = None
        return child

    def _dismiss(self, hung: str = "") -> None:
        child, self._child = self._child, None
        self._is_late = False
        if child is not None:
            self._release(child, hung)
