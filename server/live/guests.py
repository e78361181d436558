"""``/api/v1/streams/{stream_id}/guests``: the guests whom the owner lets see a private stream."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from actors.runtime import DomainError
from server.http.cursors import after_time, page_of
from server.http.errors import Problem, not_found
from server.http.operation import USERNAME, UUID, Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape
from server.live.rights import Rights
from server.live.stream_directory import StreamDirectory
from server.live.viewings import Viewer
from storage.rights import MAX_GUESTS, Guest, RightsTable

TAG: Final = "streams"


class GuestShape(Shape):
    id: uuid.UUID
    username: str
    display_name: str
    avatar_url: str | None
    invited_at: datetime


class GuestRoutes:
    """Guests may be invited before a stream becomes private. Inviting and uninviting may be repeated."""

    name = "guests"

    def __init__(self, *, table: RightsTable, rights: Rights, stream_directory: StreamDirectory) -> None:
        self._table = table
        self._rights = rights
        self._stream_directory = stream_directory

    def operations(self) -> Sequence[Operation]:
        path, paths = "/api/v1/streams/{stream_id}/guests/{username}", {"stream_id": UUID, "username": USERNAME}
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/guests", handler=self._list, name="listGuests",
                tag=TAG, paths={"stream_id": UUID}, query=PageQuery,
                summary="Whom the owner has invited, latest first", answers={200: Page[GuestShape]},
                problems=frozenset({403, 404}), auth="required",
            ),
            Operation(
                method="PUT", path=path, handler=self._invite, name="inviteGuest", tag=TAG, paths=paths,
                summary="Let a person see this stream when it is private", answers={204: None},
                problems=frozenset({403, 404, 409}), auth="required",
            ),
            Operation(
                method="DELETE", path=path, handler=self._uninvite, name="uninviteGuest", tag=TAG, paths=paths,
                summary="Take the invitation back; the person is cut off at once", answers={204: None},
                problems=frozenset({403, 404}), auth="required",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        stream_id, limit = await self._own(call), call.query.limit
        rows = await self._table.invited(stream_id, after=after_time(call.query.cursor), limit=limit + 1)
        shown, following = page_of(rows, limit, lambda guest: (guest.invited_at, guest.id))
        return Answer(200, Page[GuestShape](items=[_shape(guest) for guest in shown], next=following))

    async def _invite(self, call: Call[None, None]) -> Answer:
        stream_id, guest_id = await self._of(call)
        if not await self._table.invite(stream_id, guest_id):
            raise Problem(409, f"A stream has at most {MAX_GUESTS} guests", slug="too-many-guests")
        await self._rights.heed()
        return Answer(204)

    async def _uninvite(self, call: Call[None, None]) -> Answer:
        await self._table.uninvite(*await self._of(call))
        await self._rights.heed()
        return Answer(204)

    async def _of(self, call: Call[Any, Any]) -> tuple[str, str]:
        """The stream, if it is the caller's, and the person."""
        stream_id = await self._own(call)
        person_id = await self._table.person_named(call.path["username"], asker_id=call.me.id)
        if person_id is None:
            raise not_found("There is nobody of this name")
        return stream_id, person_id

    async def _own(self, call: Call[Any, Any]) -> str:
        """The stream's id. Raises a 404, or a 403 where it is another's."""
        stream_id = call.path["stream_id"].lower()
        try:
            view = await self._stream_directory.view(stream_id, viewer=Viewer(id=call.me.id))
        except DomainError as error:
            if error.code == "not_found":
                raise not_found("There is no such stream") from None
            raise
        if view.owner.id != call.me.id:
            raise Problem(403, "This stream is not yours")
        return stream_id


def _shape(guest: Guest) -> GuestShape:
    return GuestShape(
        id=uuid.UUID(guest.id),
        username=guest.username,
        display_name=guest.display_name,
        avatar_url=guest.avatar_url,
        invited_at=guest.invited_at,
    )
