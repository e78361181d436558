"""Whom an owner has invited to a private stream, over HTTP and Postgres."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import msgspec

from actors.runtime import DomainError
from server.live.guests import GuestRoutes
from server.live.viewings import Viewer
from storage.ids import Ids
from storage.postgres import Database
from storage.rights import RightsTable
from storage.stream import Streams
from storage.stream_rows import NewStream
from tests.server.conftest import ApiFixture, Serve, Someone
from tests.server.live.test_hls import PEOPLE, view


class Directory:
    """``StreamDirectory``: knows one stream."""

    def __init__(self, stream_id: str, owner: Someone) -> None:
        owned = msgspec.structs.replace(PEOPLE, id=owner.id)
        self.held = view(id=stream_id, owner=owned)

    async def view(self, stream_id: str, *, viewer: Viewer) -> Any:
        if stream_id != self.held.id:
            raise DomainError("not_found", "There is no such stream.")
        return self.held


class Heeded:
    async def heed(self) -> None: ...


async def a_stream(database: Database, owner: Someone) -> str:
    ids = Ids()
    stream_id = ids.uuid7(1.0)
    new = NewStream(
        id=stream_id, room_id=ids.uuid7(1.0), owner_id=owner.id, title="", stream_key=stream_id, log_epoch="e"
    )
    await Streams(db=database).create(new)
    return stream_id


async def test_owner_reads_whom_they_have_invited_page_by_page_and_nobody_else_does(
    api: ApiFixture, serve: Serve
) -> None:
    owner, other = await api.register("owner"), await api.register("other")
    for name in ("ann", "bob", "cem"):
        await api.register(name)
    stream_id = await a_stream(api.database, owner)
    routes = GuestRoutes(
        table=RightsTable(db=api.database),
        rights=cast(Any, Heeded()),
        stream_directory=cast(Any, Directory(stream_id, owner)),
    )
    client = await serve(*routes.operations())
    me, path = replace(owner, client=client), f"/streams/{stream_id}/guests"
    for name in ("ann", "bob", "cem"):
        assert (await me.ask("PUT", f"{path}/{name}")).status == 204
    assert (await me.ask("DELETE", f"{path}/bob")).status == 204

    first = await (await me.ask("GET", path, params={"limit": "1"})).json()
    assert [guest["username"] for guest in first["items"]] == ["cem"]
    rest = await (await me.ask("GET", path, params={"limit": "1", "cursor": first["next"]})).json()
    assert ([guest["username"] for guest in rest["items"]], rest["next"]) == (["ann"], None)
    assert set(rest["items"][0]) == {"id", "username", "display_name", "avatar_url", "invited_at"}

    assert (await replace(other, client=client).ask("GET", path)).status == 403
    assert (await me.ask("GET", f"/streams/{Ids().uuid7(2.0)}/guests")).status == 404
    assert (await client.get(f"/api/v1{path}")).status == 401
