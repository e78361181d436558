"""Projects: who may do what, the board, and documents that several people edit over Socket.IO."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pycrdt
import pytest

from actors import document as actor
from actors.document import MAX_UPDATE
from server.features.town.projects import queries
from server.features.town.projects.event_shapes import DocChanged, DocJoined
from server.features.town.projects.store import MAX_DAYS, MAX_VERSIONS
from tests.server.kit import Kit
from tests.server.served import Device, Served

NO_ID = "01a2293b-2c58-7716-bf83-011bc8a33bb2"


class Editor:
    """A copy of a document, and what it still has to send."""

    def __init__(self) -> None:
        self.doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self.text = self.doc.get("content", type=pycrdt.Text)

    def write(self, at: int, text: str) -> str:
        before = self.doc.get_state()
        self.text.insert(at, text)
        return base64.b64encode(self.doc.get_update(before)).decode()

    def apply(self, update: str) -> None:
        self.doc.apply_update(base64.b64decode(update))


@asynccontextmanager
async def serving(kit: Kit) -> AsyncIterator[Served]:
    await kit.database.execute("update shards set epoch = 1")  # as the node's directory has it
    async with kit.serve() as served:
        yield served


async def made(served: Served, token: str, path: str, **body: Any) -> Any:
    status, answer = await served.call("POST", path, token=token, json=body)
    assert status == 201, answer
    [one] = answer.values()
    return one


async def document(served: Served, token: str) -> tuple[str, str]:
    project = await made(served, token, "/projects", title="The garden")
    one = await made(served, token, f"/projects/{project['id']}/documents", title="Plan")
    return project["id"], one["id"]


async def synced(device: Device, editor: Editor, seq: int) -> None:
    while (event := await device.until("doc:update"))["seq"] < seq:
        editor.apply(event["update"])
    editor.apply(event["update"])


async def test_a_board_is_kept_by_its_editors_and_read_by_its_viewers(kit: Kit) -> None:
    async with serving(kit) as served:
        ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
        project = await made(served, ada, "/projects", title="The garden", columns=["Idea", "Done"])
        path = f"/projects/{project['id']}"
        assert (project["role"], project["members"]) == ("owner", 1)
        assert (await served.call("GET", path, token=bob))[0] == 404
        assert (await served.call("PUT", f"{path}/members/bob", token=ada, json={"role": "viewer"}))[0] == 204
        assert (await served.call("POST", f"{path}/tasks", token=bob, json={"title": "Dig"}))[0] == 403
        assert (await served.call("PUT", f"{path}/members/bob", token=ada, json={"role": "editor"}))[0] == 204
        task = await made(served, bob, f"{path}/tasks", title="Dig", assignee="ada", due_at="2027-01-01T10:00:00+01:00")
        assert (task["column"], task["assignee"], task["due_at"]) == ("Idea", "ada", "2027-01-01T09:00:00Z")
        moved = {"column": "Done", "position": 3}
        status, task = await served.call("PATCH", f"{path}/tasks/{task['id']}", token=ada, json=moved)
        assert (status, task["column"], task["position"], task["title"]) == (200, "Done", 3.0, "Dig")
        for wrong in (
            {"column": "Never"},
            {"assignee": "eve"},
            {"title": " "},
            {"position": 1e300},
            {"position": False},
        ):
            assert (await served.call("PATCH", f"{path}/tasks/{task['id']}", token=ada, json=wrong))[0] == 422
        status, page = await served.call("GET", f"{path}/tasks", token=bob)
        assert (status, [one["id"] for one in page["items"]], page["next"]) == (200, [task["id"]], None)
        status, members = await served.call("GET", f"{path}/members", token=bob)
        assert [(one["username"], one["role"]) for one in members["items"]] == [("ada", "owner"), ("bob", "editor")]
        assert (await served.call("DELETE", f"{path}/members/ada", token=ada))[0] == 409  # nobody would own it
        assert (await served.call("DELETE", f"{path}/members/ada", token=bob))[0] == 403
        assert (await served.call("GET", f"{path}/tasks", token=eve))[0] == 404
        status, changed = await served.call("PATCH", path, token=ada, json={"columns": ["One", "Two"]})
        assert (status, changed["columns"], changed["title"]) == (200, ["One", "Two"], "The garden")
        assert (await served.call("GET", f"{path}/tasks/{task['id']}", token=bob))[1]["column"] == "One"
        assert (await served.call("DELETE", path, token=bob))[0] == 403
        assert (await served.call("DELETE", path, token=ada))[0] == 204
        assert (await served.call("GET", path, token=ada))[0] == 404


async def test_edits_reach_the_others_and_whoever_comes_later_even_from_offline(kit: Kit) -> None:
    async with serving(kit) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        project_id, document_id = await document(served, ada)
        await served.call("PUT", f"/projects/{project_id}/members/bob", token=ada, json={})
        of = {"document_id": document_id}
        one, other = await served.connect(ada), await served.connect(bob)
        mine, theirs = Editor(), Editor()
        joined = await one.done("doc:join", of)
        msgspec.convert(joined, DocJoined)
        await other.done("doc:join", of)
        assert (await one.done("doc:update", {**of, "update": mine.write(0, "Hello")}))["seq"] == 1
        event = await other.until("doc:update")
        msgspec.convert(event, DocChanged)
        theirs.apply(event["update"])
        assert str(theirs.text) == "Hello"
        await other.done("doc:leave", of)  # bob goes on offline
        later = theirs.write(5, ", world")
        await one.done("doc:update", {**of, "update": mine.write(0, "# ")})
        back = await other.done("doc:join", {**of, "state_vector": base64.b64encode(theirs.doc.get_state()).decode()})
        theirs.apply(back["update"])
        raw = {**of, "update": base64.b64decode(later)}  # binary as well as base64
        assert (await other.done("doc:update", raw))["seq"] == 3
        await synced(one, mine, 3)
        assert str(mine.text) == str(theirs.text) == "# Hello, world"
        await one.done("doc:awareness", {**of, "update": "AQE="})
        awareness = await other.until("doc:awareness")
        assert awareness["update"] == "AQE="
        status, about = await served.call("GET", f"/documents/{document_id}", token=bob)
        assert (status, about["seq"], about["title"], about["role"]) == (200, 3, "Plan", "editor")
        async with served.http.get(
            f"{served.url}/api/v1/documents/{document_id}/state", headers={"Authorization": f"Bearer {bob}"}
        ) as answer:
            fresh = Editor()
            fresh.doc.apply_update(await answer.read())
        assert str(fresh.text) == "# Hello, world"


async def test_what_is_no_update_is_refused_and_changes_nothing(kit: Kit) -> None:
    async with serving(kit) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        project_id, document_id = await document(served, ada)
        of, editor = {"document_id": document_id}, Editor()
        device, stranger = await served.connect(ada), await served.connect(bob)
        good = editor.write(0, "kept")
        await device.done("doc:update", {**of, "update": good})
        data, dice = base64.b64decode(good), random.Random(1)
        broken = [
            b"",
            b"\x01",
            b"\xff" * 64,
            data[:-1],
            b"\x01\xff\xff\xff\xff\x0f",
            *(dice.randbytes(40) for _ in range(20)),
        ]
        for one in broken:
            error = await device.refused("doc:update", {**of, "update": base64.b64encode(one).decode()})
            assert (error["code"], error["field"]) == ("invalid", "update")
        assert (await device.refused("doc:update", {**of, "update": "no base64!"}))["code"] == "invalid"
        assert (await device.refused("doc:update", {**of, "update": bytes(MAX_UPDATE + 1)}))["code"] == "too_large"
        assert (await device.refused("doc:join", {**of, "state_vector": "/////w=="}))["code"] == "invalid"
        assert (await device.refused("doc:awareness", {**of, "update": "AQE="}))["code"] == "not_joined"
        for event, body in (("doc:join", of), ("doc:update", {**of, "update": good})):
            assert (await stranger.refused(event, body))["code"] == "not_found"
            assert (await device.refused(event, {**body, "document_id": NO_ID}))["code"] == "not_found"
        await served.call("PUT", f"/projects/{project_id}/members/bob", token=ada, json={"role": "viewer"})
        assert (await stranger.done("doc:join", of))["may_write"] is False
        assert (await stranger.refused("doc:update", {**of, "update": good}))["code"] == "forbidden"
        await served.call("DELETE", f"/projects/{project_id}/members/bob", token=ada)
        assert await stranger.until("doc:closed") == of
        joined = await device.done("doc:join", of)
        fresh = Editor()
        fresh.apply(joined["update"])
        assert (str(fresh.text), joined["seq"]) == ("kept", 1)


@pytest.mark.parametrize("path", ["/documents/{}", "/documents/{}/state", "/documents/{}/history"])
async def test_documents_of_others_are_not_there(kit: Kit, path: str) -> None:
    async with serving(kit) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        _, document_id = await document(served, ada)
        assert (await served.call("GET", path.format(document_id), token=bob))[0] == 404
        assert (await served.call("GET", path.format(document_id)))[0] == 401


async def test_a_version_is_read_and_restored_as_an_edit_that_the_others_are_told(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "VERSION_S", 0.0)
    async with serving(kit) as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        project_id, document_id = await document(served, ada)
        await served.call("PUT", f"/projects/{project_id}/members/bob", token=ada, json={"role": "viewer"})
        of, path, editor = {"document_id": document_id}, f"/documents/{document_id}/history", Editor()
        device = await served.connect(ada)
        await device.done("doc:join", of)
        await device.done("doc:update", {**of, "update": editor.write(0, "Dig, سقي 😀 then rest")})
        await device.done("doc:update", {**of, "update": editor.write(0, "Never ")})
        status, page = await served.call("GET", path, token=bob)
        [version] = page["items"]
        assert (status, version["seq"], page["next"]) == (200, 1, None)
        assert (await served.call("GET", f"{path}/1", token=bob))[1]["text"] == "Dig, سقي 😀 then rest"
        assert (await served.call("POST", f"{path}/1/restore", token=bob))[0] == 403
        assert (await served.call("POST", f"{path}/2/restore", token=ada))[0] == 404
        status, restored = await served.call("POST", f"{path}/1/restore", token=ada)
        assert (status, restored["seq"]) == (200, 3)
        await synced(device, editor, 3)
        assert str(editor.text) == "Dig, سقي 😀 then rest"
        kept = (await served.call("GET", path, token=ada))[1]["items"]
        assert [one["seq"] for one in kept] == [2, 1]  # what it said before is not lost
        assert (await served.call("POST", f"{path}/1/restore", token=ada))[1]["seq"] == 3  # it says so already


async def test_of_old_versions_the_last_of_each_day_stays(kit: Kit) -> None:
    async with serving(kit) as served:
        ada = await served.register("ada")
        _, document_id = await document(served, ada)
        await kit.database.execute(
            "insert into project_document_versions (document_id, seq, data, at) select $1, n, $2,"
            " now() - (100 - n) * interval '8 hours' from generate_series(1, 100) n",
            document_id,
            b"\x00\x00",
        )
        await kit.database.execute(queries.FORGET_VERSIONS, document_id, MAX_VERSIONS, MAX_DAYS)
        kept = await kit.database.fetch(
            "select seq, date_trunc('day', at at time zone 'UTC') as day from project_document_versions"
            " where document_id = $1 order by seq",
            document_id,
        )
        seqs, days = [row["seq"] for row in kept], [row["day"] for row in kept]
        assert seqs[-MAX_VERSIONS:] == list(range(81, 101))
        assert len(set(days)) == MAX_DAYS
        older = days[:-MAX_VERSIONS]
        assert len(set(older)) == len(older)  # one of each day


async def test_an_update_of_fifty_megabytes_ends_its_own_socket_and_nothing_else(kit: Kit) -> None:
    async with serving(kit) as served:
        ada = await served.register("ada")
        _, document_id = await document(served, ada)
        of, editor = {"document_id": document_id}, Editor()
        flooding, other = await served.connect(ada), await served.connect(ada)
        await other.done("doc:join", of)
        gone = asyncio.Event()
        flooding.client.on("disconnect", lambda *_: gone.set())
        await flooding.client.emit("doc:update", {**of, "update": "A" * 50_000_000})
        await asyncio.wait_for(gone.wait(), 30)
        assert (await other.done("doc:update", {**of, "update": editor.write(0, "kept")}))["seq"] == 1


async def test_a_project_has_so_many_members_and_a_document_no_more_people_than_that(kit: Kit) -> None:
    await kit.database.execute("update shards set epoch = 1")
    async with kit.serve(max_project_members=2) as served:
        ada, *_ = [await served.register(name) for name in ("ada", "bob", "eve")]
        project_id, _ = await document(served, ada)
        members = f"/projects/{project_id}/members"
        assert [(await served.call("PUT", f"{members}/{one}", token=ada, json={}))[0] for one in ("bob", "eve")] == [
            204,
            409,
        ]
