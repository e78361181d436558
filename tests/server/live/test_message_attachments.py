"""Pictures in conversations: uploads that are shown with a message, and go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.server.features.uploads.conftest import BYTES, TUS, png
from tests.server.live.conversing import begin, inside, of, people, write
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def uploaded(person: Person, data: bytes) -> str:
    """The id of an upload that was looked at."""
    served = person.node.served
    said = {**TUS, **BYTES, "Upload-Length": str(len(data)), "Authorization": f"Bearer {person.token}"}
    async with served.http.post(f"{served.url}/api/v1/uploads", data=data, headers=said) as answer:
        assert answer.status == 201, await answer.text()
        upload_id = answer.headers["Location"].rpartition("/")[2]

    async def is_checked() -> bool:
        state: str = (await person.done("GET", f"/uploads/{upload_id}"))["state"]
        return state in ("ready", "refused")

    await eventually(is_checked)
    return upload_id


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(3_000):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it has not come so far")


async def status_of(node: CoreNode, path: str) -> int:
    async with node.served.http.get(node.served.url + path) as answer:
        return answer.status


def send(made: dict[str, Any], client_id: str, *uploads: str, text: str = "", **more: Any) -> dict[str, Any]:
    attachments = [{"upload_id": one} for one in uploads]
    return {"room_id": made["room_id"], "text": text, "client_id": client_id, "attachments": attachments, **more}


async def test_pictures_are_shown_with_a_message_and_go_with_it(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    wide, high = await uploaded(ada, png((400, 200))), await uploaded(ada, png((100, 300)))
    body = send(made, "c", high, wide)
    body["attachments"][0]["alt"] = " a\ttower "
    sent = await hers.done("chat:send", body)
    assert await hers.done("chat:send", body) == sent
    (told,) = (await his.until("chat:messages"))["messages"]
    assert [(one["id"], one["kind"], one["width"], one["height"], one["alt"]) for one in told["attachments"]] == [
        (high, "image", 100, 300, "a\ttower"), (wide, "image", 400, 200, ""),
    ]  # fmt: skip
    page = await his.done("chat:history", {"room_id": made["room_id"]})
    assert page["messages"] == [told]
    assert (await of(bob, made))["last_message"]["attachments"] == told["attachments"]
    assert await status_of(node, told["attachments"][0]["url"]) == 200
    answered = await write(his, made, "what a tower", reply_to=sent["id"])
    one = {"room_id": made["room_id"], "message_id": sent["id"]}
    await his.done("chat:react", {**one, "emoji": "👍"})
    await hers.done("chat:edit", {**one, "text": "look"})
    await hers.done("chat:edit", {**one, "text": ""})
    (shown, reply) = (await his.done("chat:history", {"room_id": made["room_id"]}))["messages"]
    assert (shown["text"], shown["attachments"], shown["reactions"]) == ("", told["attachments"], {"👍": [bob.id]})
    assert (reply["id"], reply["reply_to"]) == (answered["id"], sent["id"])
    await hers.done("chat:delete", one)

    async def has_gone() -> bool:
        return await status_of(node, told["attachments"][0]["url"]) == 404

    await eventually(has_gone)
    assert (await ada.call("GET", f"/uploads/{wide}"))[0] == 404


async def test_an_attachment_of_a_message_that_was_refused_may_be_sent_with_another(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    device = await inside(ada, made)
    picture = await uploaded(ada, png((40, 20)))
    await bob.done("PUT", f"/users/{ada.username}/block")
    assert (await device.refused("chat:send", send(made, "one", picture)))["code"] == "closed"
    await bob.done("DELETE", f"/users/{ada.username}/block")
    await device.done("chat:send", send(made, "two", picture))
    error = await device.refused("chat:send", send(made, "three", picture))
    assert (error["code"], error["field"]) == ("invalid", "attachments.0.upload_id")


async def test_attachments_that_are_none_are_refused_and_nothing_is_posted(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    device = await inside(ada, made)
    theirs, text = await uploaded(bob, png((40, 20))), await uploaded(ada, b"WEBVTT\n\n00:01.000 --> 00:02.000\nhi\n")
    for uploads in ((theirs,), (text,), (made["id"],), (theirs, theirs)):
        error = await device.refused("chat:send", send(made, "c", *uploads, text="look"))
        assert (error["code"], error["field"].partition(".")[0]) == ("invalid", "attachments"), uploads
    assert (await device.refused("chat:send", send(made, "c", *[theirs] * 11)))["code"] == "invalid"
    stream = await ada.prepare()
    error = await device.refused("chat:send", send({"room_id": stream["chat"]["room_id"]}, "c", theirs))
    assert (error["code"], error["field"]) == ("invalid", "attachments")
    assert (await of(bob, made))["last_message"] is None
    await (await bob.connect()).done("chat:send", send(made, "his", theirs))
