"""``/api/v1/me/exports``: a person's archives, and the address that one is fetched by."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from server.features.people.accounts import Reauthentication, Sessions, SignInLinks, device_of
from server.features.people.exports import queries
from server.features.people.exports.archives import Archives, key_of
from server.features.people.exports.tickets import MAX_CHARS, Tickets
from server.http import content
from server.http.cursors import after_id, page_of
from server.http.errors import not_found
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, MediaType, Operation
from server.http.shapes import Body, Page, PageQuery, Query, Shape, Text
from storage.objects import ObjectStore
from storage.postgres import Database, Row

TAG: Final = "people"
RECENT: Final = (
    "Needs a proof of who it is of the last 10 minutes; else 401 with the type `…/reauthentication-required`."
)


class ExportShape(Shape):
    id: UUID
    state: Literal["waiting", "writing", "ready", "failed", "expired"]
    progress: Annotated[float, Field(ge=0, le=1)]
    size_bytes: int | None
    requested_at: dt.datetime
    ready_at: dt.datetime | None
    expires_at: Annotated[dt.datetime | None, Field(description="When it is deleted")]


class ExportLink(Shape):
    url: Annotated[str, Field(description="A path of this server, with a ticket that is good for ten minutes")]
    expires_at: dt.datetime


class MailedLink(Body):
    token: Annotated[Text, Field(min_length=1, max_length=256, description="Of the link in the mail")]


class TicketQuery(Query):
    ticket: Annotated[str, Field(max_length=MAX_CHARS)] = ""


class ExportRoutes:
    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        archives: Archives,
        tickets: Tickets,
        links: SignInLinks,
        reauthentication: Reauthentication,
        sessions: Sessions,
    ) -> None:
        self._db = database
        self._objects = objects
        self._archives = archives
        self._tickets = tickets
        self._links = links
        self._reauthentication = reauthentication
        self._sessions = sessions

    def operations(self) -> Sequence[Operation]:
        rate = CallRate("archives", per_s=0.2, burst=20)
        return [
            Operation(
                method="POST", path="/api/v1/me/exports", handler=self._ask, name="askExport", tag=TAG,
                summary="Have an archive written of everything that is held on me, with media",
                description="One at a time (409 `…/export-running`), and one in `archive_pause_hours` (429 "
                f"`…/export-too-soon`). A mail tells when it is ready. {RECENT}",
                answers={202: ExportShape}, problems=frozenset({401, 409, 429}), auth="required", rate=rate,
            ),
            Operation(
                method="GET", path="/api/v1/me/exports", handler=self._list, name="listExports", tag=TAG,
                summary="My archives, the newest first", query=PageQuery, answers={200: Page[ExportShape]},
                auth="required", rate=OWN_SETTINGS,
            ),
            Operation(
                method="GET", path="/api/v1/me/exports/{export_id}", handler=self._one, name="getExport", tag=TAG,
                summary="An archive of mine, and how far it is", answers={200: ExportShape}, auth="required",
                rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path="/api/v1/me/exports/{export_id}", handler=self._withdraw, name="deleteExport",
                tag=TAG, summary="Delete an archive of mine, or do not write it", answers={204: None},
                auth="required", rate=OWN_SETTINGS,
            ),
            *self._fetching(rate),
        ]  # fmt: skip

    def _fetching(self, rate: CallRate) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/me/exports/{export_id}/link", handler=self._link, name="linkExport",
                tag=TAG, summary="An address that my archive is fetched by", description=RECENT,
                answers={200: ExportLink}, problems=frozenset({401}), auth="required", rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/me/exports/redeem", handler=self._redeem, name="redeemExport", tag=TAG,
                summary="The same by the link in the mail, once, for the person whom it was sent to",
                body=MailedLink, max_body=4 * 1024, answers={200: ExportLink}, auth="required", rate=rate,
            ),
            Operation(
                method="GET", path="/api/v1/exports/{export_id}/archive", handler=self._fetch, name="fetchExport",
                tag=TAG, summary="The archive itself, by the ticket of its address", query=TicketQuery,
                answers={200: MediaType(media_type="application/zip", description="A ZIP file; ranges are answered")},
                problems=frozenset({404, 412, 416}), rate=CallRate("archive_files", per_s=1, burst=60),
            ),
        ]  # fmt: skip

    async def _ask(self, call: Call[None, None]) -> Answer:
        await self._reauthentication.require(call.me)
        row = await self._archives.ask(call.me, device_of(call))
        return Answer(202, _shown(row), {"Location": f"/api/v1/me/exports/{row['id']}"})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._archives.list(call.me, after=after_id(query.cursor), limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, Page[ExportShape](items=[_shown(row) for row in shown], next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shown(await self._archives.one(call.me, call.path["export_id"])))

    async def _withdraw(self, call: Call[None, None]) -> Answer:
        await self._archives.withdraw(call.me, call.path["export_id"])
        return Answer(204)

    async def _link(self, call: Call[None, None]) -> Answer:
        await self._reauthentication.require(call.me)
        row = await self._archives.one(call.me, call.path["export_id"])
        if row["state"] != "ready":
            raise not_found("The archive is not ready, or is no more")
        return await self._linked(call, row["id"])

    async def _redeem(self, call: Call[MailedLink, None]) -> Answer:
        device = device_of(call)
        async with self._links.redeeming(call.body.token, ("export",), device) as (tx, _, grant):
            if grant.person_id != call.me.id:  # the token stays: it is not theirs to use up
                raise not_found("The link was sent to another person")
            row = await tx.fetchrow(queries.NEWEST_READY, call.me.id)
            if row is None:
                raise not_found("The archive is no more")
        return await self._linked(call, row["id"])

    async def _linked(self, call: Call[Any, Any], export_id: str) -> Answer:
        ticket, until = self._tickets.issue(export_id)
        async with self._db.transaction() as tx:
            await self._sessions.note(tx, call.me.id, "export.fetched", export_id, device_of(call))
        url = f"/api/v1/exports/{export_id}/archive?ticket={ticket}"
        return Answer(200, ExportLink(url=url, expires_at=dt.datetime.fromtimestamp(until, dt.UTC)))

    async def _fetch(self, call: Call[None, TicketQuery]) -> web.StreamResponse:
        export_id = call.path["export_id"].lower()
        is_good = self._tickets.is_good(call.query.ticket, export_id)
        row = await self._db.fetchrow(queries.ARCHIVE, export_id) if is_good else None
        if row is None:
            raise not_found("There is no such archive, or its address is too old")
        key = key_of(row["user_id"], row["id"])

        def read(offset: int, size: int) -> AsyncIterator[bytes]:
            return self._objects.open(key, offset=offset, size=size)

        return await content.streamed(
            call.request, read, size=row["size_bytes"], etag=f'"{row["id"]}"', headers=_headers(row["username"])
        )


def _shown(row: Row) -> ExportShape:
    return ExportShape(**dict(row))


def _headers(username: str) -> dict[str, str]:
    return {
        "Content-Type": "application/zip",
        "Content-Disposition": f'attachment; filename="socialflow-{username}.zip"',
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
    }
