"""``/api/v1/streams/{stream_id}/stage`` for the streamer, ``/api/v1/stage`` for those who were invited."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from server.features.videos.stage.shapes import (
    HostOfStage,
    InvitationBody,
    InvitationShape,
    InvitedShape,
    JoinBody,
    OwnPlaceShape,
    PlaceShape,
    SeatChange,
    SeatShape,
    StageChange,
    StageShape,
)
from server.features.videos.stage.stages import Place, StageRows, Stages
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation, PathFormat
from server.outbound.settings import Site
from storage.postgres import Row

TAG: Final = "stage"
TOKEN: Final = PathFormat(
    pattern="^[A-Za-z0-9_-]{16,64}$", description="An invitation's token", example="3q2-7wAAECAwQFBgcICQ"
)
WRITES: Final = CallRate("stage", per_s=2.0, burst=60)
GUESSES: Final = CallRate("stage_tokens", per_s=0.5, burst=20)
LOOKS: Final = CallRate("stage_places", per_s=5.0, burst=60)


class StageRoutes:
    def __init__(self, *, stages: Stages, site: Site) -> None:
        self._stages = stages
        self._site = site

    def operations(self) -> Sequence[Operation]:
        return [*self._of_the_streamer(), *self._of_the_invited()]

    def _of_the_streamer(self) -> Sequence[Operation]:
        path, paths = "/api/v1/streams/{stream_id}/stage", {"stream_id": UUID}
        seat, of_seat = f"{path}/seats/{{seat_id}}", {"stream_id": UUID, "seat_id": UUID}
        problems = frozenset({403, 404, 409})
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "scope": "stream", "problems": problems}
        return [
            Operation(
                method="GET", path=path, handler=self._read, name="readStage", paths=paths, answers={200: StageShape},
                summary="The stage of one's own stream: who is there, and how they stand", **mine,
            ),
            Operation(
                method="PATCH", path=path, handler=self._change, name="changeStage", paths=paths, body=StageChange,
                answers={200: StageShape}, summary="Switch the layout, or go on the air or off it",
                account_rate=WRITES, **{**mine, "problems": problems | {422}},
            ),
            Operation(
                method="POST", path=f"{path}/invitations", handler=self._invite, name="inviteToStage", paths=paths,
                body=InvitationBody, answers={201: InvitationShape}, summary="Invite one person, by a link for one use",
                account_rate=WRITES, **mine,
            ),
            Operation(
                method="POST", path=f"{path}/seat", handler=self._own_place, name="takeOwnSeat", paths=paths,
                answers={201: PlaceShape}, summary="The streamer's own place; other devices have it no more",
                account_rate=WRITES, **mine,
            ),
            Operation(
                method="PATCH", path=seat, handler=self._change_seat, name="changeSeat", paths=of_seat, body=SeatChange,
                answers={200: StageShape}, summary="Admit a person to the stage, or mute them", account_rate=WRITES,
                **mine,
            ),
            Operation(
                method="DELETE", path=seat, handler=self._remove, name="removeSeat", paths=of_seat, answers={204: None},
                summary="Remove a person, or an invitation that is not used", account_rate=WRITES, **mine,
            ),
        ]  # fmt: skip

    def _of_the_invited(self) -> Sequence[Operation]:
        own: dict[str, Any] = {
            "tag": TAG, "paths": {"seat_id": UUID}, "auth": "stream_key", "rate": LOOKS,
            "problems": frozenset({401, 404}),
        }  # fmt: skip
        return [
            Operation(
                method="GET", path="/api/v1/stage/invitations/{token}", handler=self._invited, name="readInvitation",
                tag=TAG, paths={"token": TOKEN}, answers={200: InvitedShape}, rate=GUESSES,
                summary="What one is invited to", problems=frozenset({404}),
            ),
            Operation(
                method="POST", path="/api/v1/stage/invitations/{token}", handler=self._join, name="joinStage",
                tag=TAG, paths={"token": TOKEN}, body=JoinBody, answers={201: PlaceShape}, rate=GUESSES,
                summary="Take the place that one is invited to, once", problems=frozenset({404, 409}),
            ),
            Operation(
                method="GET", path="/api/v1/stage/seats/{seat_id}", handler=self._own_seat, name="readOwnSeat",
                answers={200: OwnPlaceShape}, summary="How one stands; the bearer token is the place's secret", **own,
            ),
            Operation(
                method="DELETE", path="/api/v1/stage/seats/{seat_id}", handler=self._leave, name="leaveStage",
                answers={204: None}, summary="Give one's place up; the bearer token is the place's secret", **own,
            ),
        ]  # fmt: skip

    async def _read(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shape(await self._stages.read(_stream_id(call), call.me.id)))

    async def _change(self, call: Call[StageChange, None]) -> Answer:
        changes = call.body.model_dump(exclude_unset=True)
        return Answer(200, _shape(await self._stages.change(_stream_id(call), call.me.id, changes)))

    async def _invite(self, call: Call[InvitationBody, None]) -> Answer:
        seat, token, expires_at = await self._stages.invite(_stream_id(call), call.me.id, call.body.name)
        return Answer(
            201,
            InvitationShape(
                id=uuid.UUID(seat), token=token, url=f"{self._site.origin}/stage/{token}", expires_at=expires_at
            ),
        )

    async def _own_place(self, call: Call[None, None]) -> Answer:
        place = await self._stages.take_own_place(_stream_id(call), call.me.id, call.me.username)
        return Answer(201, _place(place))

    async def _change_seat(self, call: Call[SeatChange, None]) -> Answer:
        rows = await self._stages.change_seat(
            _stream_id(call), call.me.id, call.path["seat_id"].lower(),
            is_on_stage=call.body.on_stage, is_muted=call.body.muted,
        )  # fmt: skip
        return Answer(200, _shape(rows))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._stages.remove_seat(_stream_id(call), call.me.id, call.path["seat_id"].lower())
        return Answer(204)

    async def _invited(self, call: Call[None, None]) -> Answer:
        row = await self._stages.invited(call.path["token"])
        owner = HostOfStage(username=row["username"], display_name=row["display_name"])
        return Answer(200, InvitedShape(name=row["name"], title=row["title"], owner=owner))

    async def _join(self, call: Call[JoinBody, None]) -> Answer:
        return Answer(201, _place(await self._stages.join(call.path["token"], call.body.name)))

    async def _own_seat(self, call: Call[None, None]) -> Answer:
        seat_id = call.path["seat_id"].lower()
        rows = await self._stages.seen(seat_id, call.token)
        return Answer(200, _own(rows, seat_id))

    async def _leave(self, call: Call[None, None]) -> Answer:
        await self._stages.leave(call.path["seat_id"].lower(), call.token)
        return Answer(204)


def _stream_id(call: Call[Any, None]) -> str:
    return call.path["stream_id"].lower()


def _place(place: Place) -> PlaceShape:
    return PlaceShape(
        seat=uuid.UUID(place.seat_id),
        secret=place.secret,
        whip=f"/whip/stage/{place.seat_id}",
        whep=f"/whep/stage/{place.seat_id}",
    )


def _shape(rows: StageRows) -> StageShape:
    stage = rows.stage
    return StageShape(
        layout=stage["layout"],
        spotlight=stage["spotlight"],
        on_air=stage["is_on_air"],
        is_live=rows.state.is_on_air,
        trouble=rows.state.trouble if stage["is_on_air"] else "",
        seats=[_seat(row, rows.state.present) for row in rows.seats],
    )


def _seat(row: Row, present: Sequence[str]) -> SeatShape:
    is_present = str(row["id"]) in present
    has_joined = row["has_joined"]
    return SeatShape(
        id=row["id"],
        name=row["name"],
        is_host=row["is_host"],
        on_stage=row["is_on_stage"],
        muted=row["is_muted"],
        state="invited" if not has_joined else "present" if is_present else "away",
        expires_at=None if has_joined else row["expires_at"].astimezone(UTC),
    )


def _own(rows: StageRows, seat_id: str) -> OwnPlaceShape:
    own = next(row for row in rows.seats if str(row["id"]) == seat_id)
    there = (row for row in rows.seats if row["is_on_stage"] and str(row["id"]) in rows.state.present)
    return OwnPlaceShape(
        name=own["name"],
        title=rows.stage["title"],
        is_host=own["is_host"],
        on_stage=own["is_on_stage"],
        muted=own["is_muted"],
        is_live=rows.state.is_on_air,
        people=[row["name"] for row in there],
    )
