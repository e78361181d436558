"""``GET /api/v1/me/export``: everything that is held on a person, as one document that is written while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from aiohttp import web
from pydantic import BaseModel, create_model

from server.feature import ExportSection
from server.features.people.exports.sections import Profile, array_of
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import Call, Operation
from server.http.shapes import Shape
from storage.postgres import Database


class Held(Shape):
    """Everything held on a person. Each section is a list of rows as they lie in the database."""

    exported_at: datetime


@cache
def held_shape(sections: tuple[str, ...]) -> type[BaseModel]:
    """The answer with the sections of these names."""
    fields: dict[str, Any] = {"profile": dict[str, Any]} | dict.fromkeys(sections, list[dict[str, Any]])
    return create_model("Held", __base__=Held, __doc__=Held.__doc__, **fields)


class ExportDocument:
    """Writes page by page, so that a long life costs no more memory than a short one. Not a snapshot: what changes
    meanwhile may or may not be in it.
    """

    def __init__(
        self, *, database: Database, profile: Profile, sections: Sequence[ExportSection], rate: CallRate
    ) -> None:
        self._db = database
        self._profile = profile
        self._sections = sections
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        shape = held_shape(tuple(one.name for one in self._sections))
        return [
            Operation(
                method="GET", path="/api/v1/me/export", handler=self._export, name="exportMe", tag="people",
                summary="Everything that is held on me, as one document without media",
                answers={200: shape}, problems=frozenset({404}), auth="required",
                account_rate=self._rate,
            )
        ]  # fmt: skip

    async def _export(self, call: Call[None, None]) -> web.StreamResponse:
        profile = await self._profile(call.me.id)
        if profile is None:
            raise not_found("The account is no more")
        name = f"socialflow-{profile['username']}.json"
        response = web.StreamResponse(
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        )
        response.content_type = "application/json"
        await response.prepare(call.request)
        head = {"exported_at": datetime.now(UTC), "profile": profile}
        await response.write(msgspec.json.encode(head)[:-1])
        for section in self._sections:
            await response.write(b',"%s":' % section.name.encode())
            async for piece in array_of(self._db, section, call.me.id):
                await response.write(piece)
        await response.write_eof(b"}")
        return response
