"""Comments on documents: threads at a place in the text, which stays theirs while others write."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from server.features.town.projects import comments
from tests.server.features.town.test_projects import NO_ID, Editor, document, serving
from tests.server.kit import Kit
from tests.server.served import Served


async def peopled(served: Served) -> tuple[str, str, str, str]:
    """Who owns, who edits, who reads, and where the comments are."""
    ada, bob, eve = [await served.register(name) for name in ("ada", "bob", "eve")]
    project_id, document_id = await document(served, ada)
    for name, role in (("bob", "editor"), ("eve", "viewer")):
        await served.call("PUT", f"/projects/{project_id}/members/{name}", token=ada, json={"role": role})
    return ada, bob, eve, f"/documents/{document_id}/comments"


async def listed(served: Served, path: str, token: str, query: str = "") -> list[Any]:
    status, page = await served.call("GET", path + query, token=token)
    assert (status, page["next"]) == (200, None)
    items: list[Any] = page["items"]
    return items


def position(editor: Editor, at: int) -> Any:
    return editor.text.sticky_index(at, pycrdt.Assoc.AFTER).to_json()


async def test_a_comment_keeps_its_place_is_answered_and_resolved_and_each_change_is_told(kit: Kit) -> None:
    async with serving(kit) as served:
        ada, bob, eve, path = await peopled(served)
        of, editor = {"document_id": path.split("/")[2]}, Editor()
        device = await served.connect(eve)
        await device.done("doc:join", of)
        one = await served.connect(ada)
        await one.done("doc:update", {**of, "update": editor.write(0, "Dig and rest")})
        place = {"start": {**position(editor, 4), "tname": "content"}, "end": {**position(editor, 7)}}
        body = {"text": "Really?", "quote": "and", "place": place}
        status, answer = await served.call("POST", path, token=bob, json=body)
        assert status == 201
        made = answer["comment"]
        assert (made["author"]["username"], made["quote"], made["replies"]) == ("bob", "and", [])
        assert await device.until("doc:comments") == of
        editor.write(0, "First: ")
        found = pycrdt.StickyIndex.from_json(made["place"]["start"], editor.text).get_index()
        assert str(editor.text)[found:] == "and rest"
        status, answer = await served.call("POST", f"{path}/{made['id']}/replies", token=ada, json={"text": "نعم"})
        assert (status, answer["comment"]["author"]["username"]) == (201, "ada")
        assert await device.until("doc:comments") == of
        [thread] = await listed(served, path, eve)
        assert [reply["text"] for reply in thread["replies"]] == ["نعم"]
        assert (await served.call("PUT", f"{path}/{made['id']}/resolution", token=ada))[0] == 204
        assert await device.until("doc:comments") == of
        assert await listed(served, path, eve) == []
        [thread] = await listed(served, path, eve, "?resolved=true")
        assert thread["resolved_at"] is not None
        assert (await served.call("DELETE", f"{path}/{made['id']}/resolution", token=bob))[0] == 204
        assert [one["id"] for one in await listed(served, path, eve)] == [made["id"]]


async def test_who_may_read_does_not_comment_and_only_authors_change_and_only_they_and_owners_delete(kit: Kit) -> None:
    async with serving(kit) as served:
        ada, bob, eve, path = await peopled(served)
        mallory = await served.register("mallory")
        first = (await served.call("POST", path, token=ada, json={"text": "Ada's"}))[1]["comment"]["id"]
        other = (await served.call("POST", path, token=bob, json={"text": "Bob's"}))[1]["comment"]["id"]
        for token, status in ((eve, 403), (mallory, 404)):
            assert (await served.call("POST", path, token=token, json={"text": "no"}))[0] == status
            for method, what, json in (
                ("POST", "/replies", {"text": "no"}),
                ("PATCH", "", {"text": "no"}),
                ("PUT", "/resolution", None),
                ("DELETE", "/resolution", None),
                ("DELETE", "", None),
            ):
                assert (await served.call(method, f"{path}/{first}{what}", token=token, json=json))[0] == status
        assert (await served.call("GET", path, token=mallory))[0] == 404
        assert (await served.call("PATCH", f"{path}/{first}", token=bob, json={"text": "Mine"}))[0] == 403
        assert (await served.call("DELETE", f"{path}/{first}", token=bob))[0] == 403
        assert (await served.call("PATCH", f"{path}/{other}", token=bob, json={"text": "Bob's own"}))[0] == 204
        assert [one["text"] for one in await listed(served, path, eve)] == ["Ada's", "Bob's own"]
        assert (await served.call("DELETE", f"{path}/{other}", token=ada))[0] == 204
        assert (await served.call("DELETE", f"{path}/{other}", token=ada))[0] == 404
        assert (await served.call("POST", f"{path}/{NO_ID}/replies", token=ada, json={"text": "no"}))[0] == 404
        reply = (await served.call("POST", f"{path}/{first}/replies", token=bob, json={"text": "yes"}))[1]["comment"]
        assert (await served.call("POST", f"{path}/{reply['id']}/replies", token=ada, json={"text": "no"}))[0] == 404
        assert (await served.call("PUT", f"{path}/{reply['id']}/resolution", token=ada))[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": " \n"},
        {"text": "x" * 2_001},
        {"text": "x", "quote": "x" * 501},
        {"text": "x", "place": {"start": {}}},
        {"text": "x", "place": {"start": {"item": {"client": -1, "clock": 0}}, "end": {}}},
        {"text": "x", "place": {"start": {"item": {"client": 1, "clock": 2**53}}, "end": {}}},
        {"text": "x", "place": {"start": {"tname": "other"}, "end": {}}},
        {"text": "x", "place": {"start": {"assoc": 7}, "end": {}}},
    ],
)
async def test_what_is_no_comment_is_refused(kit: Kit, wrong: dict[str, Any]) -> None:
    async with serving(kit) as served:
        ada = await served.register("ada")
        _, document_id = await document(served, ada)
        path = f"/documents/{document_id}/comments"
        assert (await served.call("POST", path, token=ada, json=wrong))[0] == 422
        assert await listed(served, path, ada) == []


async def test_a_document_has_so_many_comments_and_each_so_many_answers(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "MAX_THREADS", 2)
    monkeypatch.setattr(comments, "MAX_REPLIES", 1)
    async with serving(kit) as served:
        ada = await served.register("ada")
        _, document_id = await document(served, ada)
        path = f"/documents/{document_id}/comments"
        made = [await served.call("POST", path, token=ada, json={"text": "x"}) for _ in range(3)]
        assert [status for status, _ in made] == [201, 201, 409]
        replies = f"{path}/{made[0][1]['comment']['id']}/replies"
        answers = [await served.call("POST", replies, token=ada, json={"text": "x"}) for _ in range(2)]
        assert [status for status, _ in answers] == [201, 409]
