"""The connections of a stage's people: what they send over WHIP, what they are sent over WHEP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from actors.runtime import Unavailable
from media.control import OfferStage
from server.features.videos.stage.routes import TAG
from server.features.videos.stage.stages import Stages
from server.http.errors import Problem
from server.http.limits import CallRate
from server.http.operation import UUID, Call, MediaType, Operation
from server.live.ice_servers import IceServers, link_headers
from server.live.webrtc_answers import SDP, answer_of, created, refused_problem, text_of
from server.live.webrtc_session import Protocol, new_session

MAX_SDP: Final = 64 * 1024
MAX_WAITING: Final = 4
"""Offers of one place that are not connected yet."""
OFFERS: Final = CallRate("stage_offers", per_s=1.0, burst=30)


class StageSignalling:
    """``/whip/stage/{seat_id}`` and ``/whep/stage/{seat_id}``; the sessions are those of all publishers and viewers."""

    def __init__(self, *, stages: Stages, ice: IceServers) -> None:
        self._stages = stages
        self._ice = ice

    def operations(self) -> Sequence[Operation]:
        shared: dict[str, Any] = {
            "method": "POST", "tag": TAG, "paths": {"seat_id": UUID}, "body": bytes, "consumes": (SDP,),
            "max_body": MAX_SDP, "answers": {201: MediaType(media_type=SDP, description="The answer")},
            "auth": "stream_key", "rate": OFFERS, "problems": frozenset({400, 401, 404, 409, 413, 422, 429, 503}),
        }  # fmt: skip
        return [
            Operation(
                path="/whip/stage/{seat_id}", handler=self._send, name="stageWhip",
                summary="Send one's camera and microphone to a stage; the bearer token is the place's secret", **shared,
            ),
            Operation(
                path="/whep/stage/{seat_id}", handler=self._look_on, name="stageWhep",
                summary="See a stage and hear all others on it; the bearer token is the place's secret", **shared,
            ),
        ]  # fmt: skip

    async def _send(self, call: Call[bytes, None]) -> web.StreamResponse:
        return await self._offer(call, "whip", maker=call.token)

    async def _look_on(self, call: Call[bytes, None]) -> web.StreamResponse:
        return await self._offer(call, "whep", maker=None)

    async def _offer(self, call: Call[bytes, None], kind: Protocol, *, maker: str | None) -> web.StreamResponse:
        seat_id, sdp = call.path["seat_id"].lower(), text_of(call.body)
        rows = await self._stages.of_seat(seat_id, call.token)
        node = await self._stages.node_of(rows)
        resource = new_session(kind, node=node, maker=maker)
        offer = OfferStage(
            plan=rows.plan,
            seat=seat_id,
            is_sending=kind == "whip",
            sdp=sdp,
            resource_id=resource,
            offered_by={f"stage {seat_id}": MAX_WAITING},
        )
        try:
            outcome = await self._stages.offer(offer, node)
        except Unavailable:
            raise Problem(503, "The node that mixes this stage has gone: try again", retry_after_s=2.0) from None
        if outcome.refused is not None:
            raise refused_problem(outcome.refused)
        links = link_headers(self._ice.issue(f"stage-{seat_id}").servers)
        return created(kind, resource, answer_of(outcome), links=links)
