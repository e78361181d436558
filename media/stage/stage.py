"""One stage: its people, the worker that mixes what they send, and the publication of what is mixed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from media.errors import MediaError
from media.stage.air import Air, Authorize
from media.stage.plan import StagePlan, StageState
from media.stage.seat import Seat, SeatInput
from media.transcode.employment import Employment, Hire, Release
from media.transcode.messages import Opened, WorkerAnswer
from media.transcode.stage_messages import (
    StageJob,
    StageMade,
    StageSeats,
    StageShape,
    StageTick,
    StageTracks,
    StageUnit,
)
from media.unit import Track, Unit

TICK_S: Final = 0.02
#: Ticks that the worker has not answered: with more it is behind, and is given fewer pictures.
MAX_UNDER_WAY: Final = 10
#: For so long a stage that nobody is on stays on the air, and for so long one that nobody is at stays at all.
ALONE_S: Final = 15.0
EMPTY_S: Final = 30.0
#: After so long it makes room for another one.
LEFT_S: Final = 10.0
READY_S: Final = 8.0

log = logging.getLogger("media.stage")


class StageAway(MediaError):
    """The stage cannot be mixed at the moment."""


class Stage:
    """Lives from its first person until ``close``, which it also calls itself: ``on_closed`` comes once.

    A worker that dies is followed by another: people stay connected meanwhile, and see the last picture.
    """

    def __init__(
        self,
        *,
        plan: StagePlan,
        hire: Hire,
        release: Release,
        authorize: Authorize,
        leave: Callable[[str], None],
        on_closed: Callable[[str], None],
        shape: StageShape | None = None,
    ) -> None:
        """``leave`` ends the connection of who looks on by its resource id."""
        self._plan = plan
        self._leave = leave
        self._on_closed = on_closed
        self._shape = shape or StageShape()
        self._loop = asyncio.get_running_loop()
        self._began = self._there_at = self._on_stage_at = self._loop.time()
        self._seats: dict[str, Seat] = {}
        self._tracks: dict[int, Track] = {}
        self._job = self._under_way = 0
        self._wants_key = False
        self._is_ready = asyncio.Event()
        self.closed: str | None = None
        self._air = Air(authorize=authorize, want_keyframe=self.want_keyframe, name=plan.stream_id)
        self._workers = Employment(
            name=f"stage of {plan.stream_id}", hire=hire, release=release, begin=self._begin, receive=self._receive,
            fail=self.close, is_busy=lambda: self._under_way > 0,
        )  # fmt: skip
        self._workers.start()
        self._ticking = self._loop.call_later(TICK_S, self._tick)

    # what the node says

    def set(self, plan: StagePlan) -> None:
        if plan.revision < self._plan.revision or self.closed is not None:
            return
        is_new, self._plan = plan.revision > self._plan.revision, plan
        if not plan.seats:
            self.close("it was ended")
        elif is_new:
            for seat in self._seats.keys() - {one.seat for one in plan.seats}:
                self._remove(seat)
            self._arrange()
            self._heed_air()

    def _heed_air(self) -> None:
        """What was stopped from outside may begin again: the streamer has changed something."""
        if not self._plan.key:
            self._air.end("the stage is off the air")
        elif not self._air.is_on:
            self._air.end("")

    @property
    def state(self) -> StageState:
        present = tuple(one.seat for one in self._plan.seats if self._is_sending(one.seat))
        return StageState(is_on_air=self._air.is_on, present=present, trouble=self._air.trouble)

    @property
    def is_empty(self) -> bool:
        """Whether nobody has been connected to it for a while."""
        return self._loop.time() - self._there_at >= LEFT_S

    def close(self, reason: str) -> None:
        """End it, with all connections of its people. Idempotent."""
        if self.closed is not None:
            return
        self.closed = reason
        log.info("stage of %s: closed: %s", self._plan.stream_id, reason)
        self._ticking.cancel()
        self._is_ready.set()
        for seat in list(self._seats):
            self._remove(seat)
        self._air.end(reason)
        self._workers.close()
        self._on_closed(reason)

    # its people

    def input(self, seat: str) -> SeatInput:
        """Where to write what this person sends from now on."""
        return SeatInput(seat=seat, mixer=self, on_gone=self._gone)

    def came(self, seat: str, taken: SeatInput) -> None:
        """Their connection is answered: an earlier one of theirs ends."""
        held = self._seat(seat)
        before, held.input = held.input, taken
        if before is not None:
            before.stop("the same person has come again")
        taken.introduce()

    async def onlooker(self, seat: str) -> Seat:
        """What this person is to be sent. Raises ``StageAway`` where that is not known in time."""
        try:
            async with asyncio.timeout(READY_S):
                await self._is_ready.wait()
        except TimeoutError:
            raise StageAway("the stage is not ready yet") from None
        if self.closed is not None:
            raise StageAway(self.closed)
        return self._seat(seat)

    def looks_on(self, seat: str, resource_id: str) -> None:
        """Over this connection, and over no earlier one."""
        held = self._seat(seat)
        before, held.resource_id = held.resource_id, resource_id
        if before:
            self._leave(before)
        self.want_keyframe()

    def left(self, resource_id: str) -> None:
        """The connection of an onlooker has ended."""
        for held in self._seats.values():
            if held.resource_id == resource_id:
                held.resource_id = ""

    def want_keyframe(self) -> None:
        self._wants_key = True

    def _seat(self, seat: str) -> Seat:
        if seat not in self._seats:
            self._seats[seat] = Seat([self._tracks[lane] for lane in sorted(self._tracks)])
        return self._seats[seat]

    def _remove(self, seat: str) -> None:
        held = self._seats.pop(seat, None)
        if held is None:
            return
        if held.input is not None:
            held.input.stop("they are not on this stage any more")
        held.relay.close("they are not on this stage any more")
        if held.resource_id:
            self._leave(held.resource_id)

    def _gone(self, gone: SeatInput) -> None:
        for seat, held in self._seats.items():
            if held.input is gone:
                held.input = None
                log.debug("stage of %s: %s has gone", self._plan.stream_id, seat)

    def _is_sending(self, seat: str) -> bool:
        held = self._seats.get(seat)
        return held is not None and held.input is not None and held.input.is_sending

    # the worker

    @property
    def is_behind(self) -> bool:
        return self._under_way >= MAX_UNDER_WAY

    def send(self, order: StageTracks | StageUnit) -> None:
        """Lost while there is no worker."""
        self._workers.send(order)

    def _begin(self) -> None:
        self._job += 1
        self._under_way = 0
        self._workers.send(StageJob(self._job, self._shape))
        self._arrange()
        for held in self._seats.values():
            if held.input is not None:
                held.input.introduce()

    def _arrange(self) -> None:
        self._workers.send(StageSeats(self._plan.layout, self._plan.spotlight, self._plan.seats))

    def _receive(self, answer: WorkerAnswer) -> None:
        match answer:
            case Opened(job, lane, track) if job == self._job:
                self._opened(lane, track)
            case StageMade(job) if job == self._job:
                self._made(answer)
            case _:
                pass

    def _opened(self, lane: int, track: Track) -> None:
        self._tracks[lane] = track
        if len(self._tracks) < 2:
            return
        tracks: Sequence[Track] = [self._tracks[lane] for lane in sorted(self._tracks)]
        self._is_ready.set()
        self._air.configure(tracks)
        for held in self._seats.values():
            held.relay.configure(tracks)

    def _made(self, made: StageMade) -> None:
        self._under_way -= 1
        self._workers.progressed()
        self._air.write(made.units)
        own: dict[str, list[Unit]] = {}
        for seat, unit in made.own:
            own.setdefault(seat, []).append(unit)
        pictures = [unit for unit in made.units if unit.kind == "video"]
        for seat, held in self._seats.items():
            for unit in (*pictures, *own.get(seat, ())):
                held.relay.write(unit)
        for seat in made.keys_wanted:
            self._ask_for_key(seat)

    def _ask_for_key(self, seat: str) -> None:
        held = self._seats.get(seat)
        if held is not None and held.input is not None:
            held.input.want_keyframe(self._loop.time())

    # time

    def _tick(self) -> None:
        now = self._loop.time()
        self._ticking = self._loop.call_later(TICK_S, self._tick)
        if self._workers.is_at_work and not self.is_behind:
            tick = StageTick(round((now - self._began) * 1000), time.time(), self._wants_key)
            self._wants_key = False
            self._under_way += 1
            self._workers.send(tick)
        self._look(now)

    def _look(self, now: float) -> None:
        """Whether anybody is still there."""
        if any(one.is_shown and self._is_sending(one.seat) for one in self._plan.seats):
            self._on_stage_at = now
            self._publish()
        elif now - self._on_stage_at >= ALONE_S:
            self._air.end("nobody is on the stage")
        if any(held.input is not None or held.resource_id for held in self._seats.values()):
            self._there_at = now
        elif now - self._there_at >= EMPTY_S:
            self.close("nobody is there any more")

    def _publish(self) -> None:
        if self._plan.key:
            self._air.begin(self._plan.key)
