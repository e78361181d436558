"""Raids: viewers move from a live stream to another one, announced, counted, and refused by who does not want them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.rate_limits import Rate
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.rooms.raids import queries, rules
from server.features.rooms.raids.raids import Raids
from server.features.rooms.raids.shapes import (
    RAID,
    RAID_CAME,
    RAID_CANCELLED,
    CancelRaid,
    RaidSettings,
    RaidSettingsShape,
    RaidStarted,
    StartRaid,
)
from server.http.limits import OWN_SETTINGS
from server.http.operation import Answer, Call, Operation
from server.live.events import Done
from server.socket_events import ClientEvent
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform) -> Feature:
    raids = Raids(
        db=platform.db,
        node=platform.node,
        jobs=platform.jobs,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        publish=platform.publish,
    )
    return Feature(
        name="raids",
        operations=_operations(raids),
        events=_events(raids),
        sent=(RAID, RAID_CAME, RAID_CANCELLED),
        jobs=[raids.job, raids.count_job],
        personal_data=PersonalData(tables=frozenset({"raids", "raid_settings"}), sections=SECTIONS, erase=_erase),
        limits={"raid_seconds": rules.WITHIN.total_seconds()},
    )


def _events(raids: Raids) -> Sequence[ClientEvent]:
    async def start(socket: Any, session: Any, body: StartRaid) -> dict[str, Any]:
        return {"ok": True, "at": await raids.start(session.require_person().id, body)}

    async def cancel(socket: Any, session: Any, body: CancelRaid) -> dict[str, Any]:
        await raids.cancel(session.require_person().id, body.stream_id)
        return {"ok": True}

    owned: dict[str, Any] = {"sender": "owner", "scope": "stream", "rate": Rate(per_s=0.2, burst=10)}
    return [
        ClientEvent(
            name="stream:raid", shape=StartRaid, ack=RaidStarted, handler=start,
            summary="Send the viewers on to another live stream", **owned,
        ),
        ClientEvent(
            name="stream:raid_cancel", shape=CancelRaid, ack=Done, handler=cancel,
            summary="Cancel it before the viewers move", **owned,
        ),
    ]  # fmt: skip


def _operations(raids: Raids) -> Sequence[Operation]:
    async def get(call: Call[None, None]) -> Answer:
        return Answer(200, {"allowed": await raids.allowed(call.me.id)})

    async def put(call: Call[RaidSettings, None]) -> Answer:
        await raids.allow(call.me.id, call.body.allowed)
        return Answer(200, {"allowed": call.body.allowed})

    own: dict[str, Any] = {"tag": "raids", "auth": "required", "answers": {200: RaidSettingsShape}}
    path = "/api/v1/me/raid-settings"
    return [
        Operation(method="GET", path=path, handler=get, name="getRaidSettings", summary="Whose raids you take", **own),
        Operation(
            method="PUT", path=path, handler=put, name="setRaidSettings", summary="Say whose raids you take",
            body=RaidSettings, account_rate=OWN_SETTINGS, scope="stream", **own,
        ),
    ]  # fmt: skip


SECTIONS: Final = (
    rows_by_id("raids", "id, source_id, target_id, viewers, came, at, cancelled_at", "raids where author_id = $1"),
    rows_by_id("raid_settings", "user_id, allowed", "raid_settings where user_id = $1", "user_id"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
