"""All stages of a media process: who comes to them, over the one port of WebRTC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from media.stage.air import Authorize
from media.stage.plan import MAX_PEOPLE, StagePlan, StageState
from media.stage.stage import Stage, StageAway
from media.transcode.employment import Hire, Release
from media.transcode.stage_messages import StageShape
from media.webrtc.errors import OfferRefused
from media.webrtc.port import RtcPort
from media.webrtc.whep import WhepEndpoint
from media.webrtc.whip import WhipEndpoint

#: What one person sends at most, in bit/s, and how often they are asked for a key frame without need.
PERSON_BIT_RATE: Final = 1_500_000
KEY_EVERY_S: Final = 10.0


class Stages:
    """Belongs to the loop that owns the port. ``max_stages``: each costs about half a processor."""

    def __init__(
        self,
        *,
        port: RtcPort,
        whep: WhepEndpoint,
        hire: Hire,
        release: Release,
        authorize: Authorize,
        max_stages: int,
        shape: StageShape | None = None,
    ) -> None:
        self._whep = whep
        self._hire = hire
        self._release = release
        self._authorize = authorize
        self._max_stages = max_stages
        self._shape = shape
        self._stages: dict[str, Stage] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self.whip = WhipEndpoint(
            port=port, max_sessions=max_stages * MAX_PEOPLE * 2, keyframe_every_s=KEY_EVERY_S,
            max_bitrate=PERSON_BIT_RATE,
        )  # fmt: skip

    @property
    def count(self) -> int:
        return len(self._stages)

    def set(self, plan: StagePlan) -> StageState:
        """A stage at which nobody is yet is not begun."""
        stage = self._stages.get(plan.stream_id)
        if stage is None:
            return StageState()
        stage.set(plan)
        return stage.state

    async def send(
        self, plan: StagePlan, seat: str, *, sdp: str, resource_id: str, offered_by: Mapping[str, int]
    ) -> tuple[str, str]:
        """The answer to a person who will send their camera and microphone, and its entity tag. Raises ``OfferRefused``
        as ``WhipEndpoint.offer`` does, 404 without such a seat, 503 for a stage too many."""
        stage = self._stage(plan, seat)
        taken = stage.input(seat)
        answer = await self.whip.offer(sdp=sdp, publication=taken, resource_id=resource_id, offered_by=offered_by)
        stage.came(seat, taken)
        return answer, self.whip.etag(resource_id)

    async def look_on(
        self, plan: StagePlan, seat: str, *, sdp: str, resource_id: str, offered_by: Mapping[str, int]
    ) -> tuple[str, str]:
        """The answer to a person who is to get the stage, with the sound of all others. Raises as ``send`` does."""
        stage = self._stage(plan, seat)
        try:
            held = await stage.onlooker(seat)
        except StageAway as away:
            raise OfferRefused(503, reason="full", title="The stage is not ready", detail=str(away)) from None
        answer = await self._whep.offer(
            sdp=sdp,
            relay=held.relay,
            resource_id=resource_id,
            want_keyframe=stage.want_keyframe,
            offered_by=offered_by,
            stream=f"stage of {plan.stream_id}",
        )
        stage.looks_on(seat, resource_id)
        return answer, self._whep.etag(resource_id)

    def left(self, resource_id: str) -> None:
        """A connection of ``WhepEndpoint`` has ended, of a stage's or not."""
        for stage in self._stages.values():
            stage.left(resource_id)

    def end(self, stream_id: str) -> None:
        """Idempotent."""
        stage = self._stages.get(stream_id)
        if stage is not None:
            stage.close("it was ended")

    async def close(self) -> None:
        for stage in list(self._stages.values()):
            stage.close("the server is stopping")
        await self.whip.close()

    def _stage(self, plan: StagePlan, seat: str) -> Stage:
        if all(one.seat != seat for one in plan.seats):
            raise OfferRefused(404, reason="not_found", title="No such place", detail="It is not on this stage.")
        stage = self._stages.get(plan.stream_id)
        if stage is None:
            stage = self._begin(plan)
        stage.set(plan)
        return stage

    def _begin(self, plan: StagePlan) -> Stage:
        """One at which nobody is makes room for it."""
        for stage in [one for one in self._stages.values() if one.is_empty][: len(self._stages) - self._max_stages + 1]:
            stage.close("another stage needs its place")
        if len(self._stages) >= self._max_stages:
            detail = "This server mixes as many stages as it can: try again later."
            raise OfferRefused(503, reason="full", title="Too many stages", detail=detail)
        stage = self._stages[plan.stream_id] = Stage(
            plan=plan,
            hire=self._hire,
            release=self._release,
            authorize=self._authorize,
            leave=self._leave,
            on_closed=lambda reason: self._forget(plan.stream_id),
            shape=self._shape,
        )
        return stage

    def _forget(self, stream_id: str) -> None:
        self._stages.pop(stream_id, None)

    def _leave(self, resource_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._end(resource_id), name="end of who looks on at a stage")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _end(self, resource_id: str) -> None:
        with contextlib.suppress(OfferRefused):
            await self._whep.delete(resource_id)
