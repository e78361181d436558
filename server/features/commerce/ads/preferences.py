"""What viewers consent to, and what creators show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from server.features.commerce.ads import showing_queries as queries
from server.features.commerce.ads.auction import age_of
from server.features.commerce.ads.showing_shapes import CreatorBody, PreferencesBody
from storage.postgres import Database


class Preferences:
    """``percent``: the creators' share."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], percent: int) -> None:
        self._db = db
        self._now = now
        self._percent = percent

    async def of_viewer(self, person_id: str) -> dict[str, Any]:
        """Without a choice, no consent."""
        row = await self._db.fetchrow(queries.PREFERENCES, person_id)
        assert row is not None
        age = age_of(row["years"])
        return {
            "consents": row["consents"],
            "interests": row["interests"],
            "age": age,
            "is_personal": row["consents"] and age is not None,
        }

    async def put_viewer(self, person_id: str, body: PreferencesBody) -> dict[str, Any]:
        await self._db.execute(queries.PUT_PREFERENCES, person_id, body.consents, body.interests, self._now())
        return await self.of_viewer(person_id)

    async def of_creator(self, person_id: str) -> dict[str, Any]:
        """Without a choice, all that streams are is for advertisements, and only the creator calls pauses."""
        row = await self._db.fetchrow(queries.CREATOR, person_id)
        chosen = {"is_on": True, "warnings": [], "refuses": [], "break_minutes": None} if row is None else dict(row)
        return {**chosen, "share_percent": self._percent}

    async def put_creator(self, person_id: str, body: CreatorBody) -> dict[str, Any]:
        told = body.is_on, body.warnings, body.refuses, body.break_minutes
        await self._db.execute(queries.PUT_CREATOR, person_id, *told, self._now())
        return await self.of_creator(person_id)

    async def earned(self, person_id: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._db.fetch(queries.EARNED, person_id)]
