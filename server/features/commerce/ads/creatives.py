"""The videos of campaigns: short ones of the advertiser's library, shown once a moderator has approved them.

What is approved is that edition of the video: one that is trimmed or made anew afterwards is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from server.features.commerce.ads import queries, shapes
from server.features.commerce.ads.campaigns import held, no_campaign
from server.features.commerce.ads.shapes import MAX_DURATION_MS, CreativeBody, VerdictBody
from server.http.errors import Problem, invalid_field, not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Row

MAX_CREATIVES: Final = 20


class Creatives:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], audit: AuditLog) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._audit = audit

    async def add(self, me: str, campaign_id: str, body: CreativeBody) -> dict[str, Any]:
        """Raises a 404, a 409 for one too many or one that is there, and a 422 for a video that will not do."""
        now = self._now()
        creative_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await held(tx, campaign_id, me)
            video = await tx.fetchrow(queries.VIDEO, str(body.video_id), me)
            if (fault := fault_in(video)) is not None or video is None:
                raise invalid_field("video_id", fault or "")
            if await tx.fetchval(queries.COUNT_CREATIVES, campaign_id) >= MAX_CREATIVES:
                raise Problem(409, f"A campaign has at most {MAX_CREATIVES} videos", slug="too-many-creatives")
            told = video["id"], video["edition"], video["duration_ms"], body.labels, now
            if await tx.fetchval(queries.ADD_CREATIVE, creative_id, campaign_id, *told) is None:
                raise Problem(409, "The campaign has this video already", slug="creative-exists")
            row = await tx.fetchrow(queries.CREATIVE, creative_id)
        assert row is not None
        return shapes.creative(row)

    async def of(self, me: str, campaign_id: str) -> list[dict[str, Any]]:
        """Raises a 404."""
        if await self._db.fetchrow(queries.ONE, campaign_id, me) is None:
            raise no_campaign()
        return [shapes.creative(row) for row in await self._db.fetch(queries.CREATIVES, campaign_id)]

    async def remove(self, me: str, campaign_id: str, creative_id: str) -> None:
        """Raises a 404."""
        async with self._db.transaction() as tx:
            await held(tx, campaign_id, me)
            if await tx.fetchval(queries.REMOVE_CREATIVE, creative_id, campaign_id) is None:
                raise no_creative()
            await tx.execute(queries.TOUCH, campaign_id, self._now())

    async def by_state(self, state: str, *, after: str | None, limit: int) -> Sequence[dict[str, Any]]:
        return [shapes.creative(row) for row in await self._db.fetch(queries.CREATIVES_BY_STATE, state, after, limit)]

    async def decide(self, me: str, creative_id: str, body: VerdictBody, *, address: str) -> dict[str, Any]:
        """Raises a 404, and a 409 for approving a video that is another by now."""
        async with self._db.transaction() as tx:
            if body.state == "approved" and await tx.fetchval(queries.SAME_EDITION, creative_id) is False:
                raise Problem(409, "The video was changed since", slug="creative-changed")
            campaign_id = await tx.fetchval(queries.DECIDE, creative_id, body.state, body.reason, self._now())
            row = await tx.fetchrow(queries.CREATIVE, creative_id)
            if row is None:
                raise no_creative()
            if campaign_id is not None:
                await tx.execute(queries.TOUCH, campaign_id, self._now())
                await self._audit.add(
                    tx, f"ad.{body.state}", actor_id=me, subject=creative_id, ip=address, why=body.reason
                )
        return shapes.creative(row)


def fault_in(video: Row | None) -> str | None:
    """What keeps a video from being an advertisement."""
    if video is None:
        return "is no video of yours"
    if video["stream_id"] is not None:
        return "is the recording of a stream"
    if video["visibility"] not in ("public", "unlisted") or video["restrictions"] is not None:
        return "must be for everybody: public or unlisted, and not restricted"
    if video["state"] != "ready":
        return "is not ready yet"
    if not 0 < video["duration_ms"] <= MAX_DURATION_MS:
        return f"must be at most {MAX_DURATION_MS / 1000} seconds long"
    return None


def no_creative() -> Problem:
    return not_found("There is no such advertisement")
