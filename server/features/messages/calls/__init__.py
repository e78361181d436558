"""Calls: two to six people whose browsers exchange sound and pictures directly; the server relays their signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.call import LASTS_S, MAX_PEOPLE, Call
from actors.call_messages import CALL, Seat
from actors.rate_limits import Rate
from actors.runtime import ActorId
from server.feature import NO_UUID, ExportSection, Feature, Kind, PersonalData, Platform, rows_by_id
from server.features.messages.calls import queries
from server.features.messages.calls.calls import MAX_OWN, Calls
from server.features.messages.calls.invitations import Invitations
from server.features.messages.calls.seats import MAX_CALLS, Seats
from server.features.messages.calls.shapes import (
    MAX_CANDIDATE,
    MAX_SDP,
    SENT,
    CallCreated,
    CallInvited,
    CallJoined,
    CreateCall,
    JoinByToken,
    OfCall,
    Signal,
)
from server.features.messages.calls.store import MAX_UNUSED, Apart, CallRows
from server.jobs import repeated
from server.live.events import Done
from server.live.ice_servers import IceServers
from server.socket_events import ClientEvent
from storage.postgres import Transaction

__all__ = ["Invitations", "build"]

PRUNE_EVERY_S: Final = 600.0


def build(platform: Platform, *, ice: IceServers, apart: Apart) -> Feature:
    """``apart``: who blocks whom."""
    rows = CallRows(db=platform.db, apart=apart)
    seats = Seats(node=platform.node)
    calls = Calls(
        db=platform.db, node=platform.node, ids=platform.ids, now=platform.now, seats=seats, ice=ice, apart=apart
    )

    def deliver(seat: Seat, person_id: str, event: str, body: dict[str, Any]) -> None:
        platform.publish.to_socket(seat.node, person_id, seat.socket, event, body)

    def actor(actor_id: ActorId) -> Call:
        return Call(call_id=actor_id.key, store=rows, deliver=deliver, now=platform.now)

    return Feature(
        name="calls",
        events=_events(calls),
        sent=SENT,
        closed=seats.closed,
        kinds=[Kind(name=CALL, factory=actor, mailbox=1_024)],
        schedules=[repeated("calls.prune", calls.prune, every_s=PRUNE_EVERY_S)],
        personal_data=PersonalData(tables=frozenset({"calls", "call_members"}), sections=SECTIONS, erase=_erase),
        limits={
            "call_people": MAX_PEOPLE,
            "call_seconds": LASTS_S,
            "calls_open": MAX_OWN,
            "calls_per_socket": MAX_CALLS,
            "call_unused_invitations": MAX_UNUSED,
            "call_sdp_bytes": MAX_SDP,
            "call_candidate_chars": MAX_CANDIDATE,
        },
        close=seats.close,
    )


def _events(calls: Calls) -> Sequence[ClientEvent]:
    async def create(socket: Any, session: Any, body: CreateCall) -> dict[str, Any]:
        return await calls.create(socket, session)

    async def invite(socket: Any, session: Any, body: OfCall) -> dict[str, Any]:
        return {"ok": True, "join_token": await calls.invite(session, body.call_id)}

    async def join(socket: Any, session: Any, body: JoinByToken) -> dict[str, Any]:
        return await calls.join(socket, session, body)

    async def signal(socket: Any, session: Any, body: Signal) -> dict[str, Any]:
        await calls.signal(socket, session, body)
        return {"ok": True}

    async def leave(socket: Any, session: Any, body: OfCall) -> dict[str, Any]:
        await calls.leave(socket, session, body.call_id)
        return {"ok": True}

    return [
        ClientEvent(
            name="call:create", shape=CreateCall, ack=CallCreated, handler=create,
            summary="Begin a call, and be in it", rate=Rate(per_s=0.2, burst=20),
        ),
        ClientEvent(
            name="call:invite", shape=OfCall, ack=CallInvited, handler=invite,
            summary="A token with which one person joins; for who began the call", rate=Rate(per_s=1, burst=20),
        ),
        ClientEvent(
            name="call:join", shape=JoinByToken, ack=CallJoined, handler=join,
            summary="Join a call through this socket, and through no other one", rate=Rate(per_s=1, burst=20),
        ),
        ClientEvent(
            name="call:signal", shape=Signal, ack=Done, handler=signal,
            summary="Send a description or candidate of WebRTC to a person in the call",
            rate=Rate(per_s=20, burst=200),
        ),
        ClientEvent(
            name="call:leave", shape=OfCall, ack=Done, handler=leave,
            summary="Leave a call; it ends with its last person", rate=Rate(per_s=2, burst=20),
        ),
    ]  # fmt: skip


SECTIONS: Final = (
    rows_by_id("calls", "id, began_at, ends_at, ended_at", "calls where owner_id = $1"),
    ExportSection(
        name="call_members",
        sql="select call_id, joined_at from call_members where person_id = $1 and call_id > $2::uuid"
        " order by call_id limit $3",
        key=("call_id",),
        start=(NO_UUID,),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
