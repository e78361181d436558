"""What moderators hide or remove of the live core, on a node in this process: streams and chat messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from storage.postgres import Database
from tests.server.live import conversing
from tests.server.live.core_node import CoreNode, Person, node_of_file

HOURS = 1_000_000_000
on_the_node = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    async with node_of_file(postgres_url, redis_server_url, tmp_path_factory) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(node: CoreNode) -> Person:
    return await node.admin()


async def decide(admin: Person, reporter: Person, kind: str, subject_id: str, action: str) -> str:
    await reporter.done("POST", "/reports", {"kind": kind, "id": subject_id, "reason": "hate"})
    queue = await admin.done("GET", "/moderation/queue")
    (case,) = [one for one in queue["items"] if one["subject_id"] == subject_id]
    body = {"action": action, "reason": "against the rules"}
    decided = await admin.done("POST", f"/moderation/cases/{case['id']}/actions", body)
    assert decided["state"] == "closed"
    case_id: str = case["id"]
    return case_id


@on_the_node
async def test_a_hidden_stream_is_its_owners_alone_until_that_is_reverted(node: CoreNode, admin: Person) -> None:
    ann, ben = await node.person("ann_h"), await node.person("ben_h")
    stream = await ann.prepare()
    await node.publish(stream)
    device = await ben.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    case_id = await decide(admin, ben, "stream", stream["id"], "hide")
    status, problem = await ben.call("GET", f"/streams/{stream['id']}")
    assert (status, problem["type"].rpartition("/")[2]) == (451, "withheld")
    assert (await device.refused("stream:heartbeat", {"stream_id": stream["id"]}))["code"] == "withheld"
    assert (await ben.done("GET", f"/streams?owner={ann.username}"))["items"] == []
    assert (await ann.done("GET", f"/streams/{stream['id']}"))["state"] == "live"
    await ann.done("PUT", f"/streams/{stream['id']}/restrictions", {})
    assert (await ben.call("GET", f"/streams/{stream['id']}"))[0] == 451
    await admin.done("POST", f"/moderation/cases/{case_id}/revert", {})
    assert (await ben.done("GET", f"/streams/{stream['id']}"))["state"] == "live"
    await device.done("stream:watch", {"stream_id": stream["id"]})


@on_the_node
async def test_a_removed_stream_is_off_the_air_too(node: CoreNode, admin: Person) -> None:
    ann, ben = await node.person("ann_r"), await node.person("ben_r")
    stream = await ann.prepare()
    await node.publish(stream)
    await decide(admin, ben, "stream", stream["id"], "remove")
    assert (await ben.call("GET", f"/streams/{stream['id']}"))[0] == 451
    assert (await ann.done("GET", f"/streams/{stream['id']}"))["state"] == "ended"


@on_the_node
async def test_a_silenced_stream_goes_on_without_sound_whatever_its_publisher_does(
    node: CoreNode, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the media process does then is in ``tests/media/test_mute.py``."""
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(node.app.live.media, "mute", lambda stream, until_ms: told.append((stream, until_ms > HOURS)))
    ann, ben = await node.person("ann_s"), await node.person("ben_s")
    stream = await ann.prepare()
    first = await node.publish(stream)
    case_id = await decide(admin, ben, "stream", stream["id"], "mute")
    assert set(told) == {(stream["id"], True)}
    node.unpublish(first)
    again = await node.publish(stream)
    assert again.muted_until_ms > HOURS
    db = await Database.connect(node.app.settings.database_url)
    await db.execute("update streams set muted_until_ms = 5 where id = $1", stream["id"])
    await db.close()
    assert (await ben.done("GET", f"/streams/{stream['id']}"))["state"] == "live"
    await admin.done("POST", f"/moderation/cases/{case_id}/revert", {})
    assert told[-1] == (stream["id"], False)
    node.unpublish(again)
    assert (await node.publish(stream)).muted_until_ms == 5


@on_the_node
async def test_a_message_is_reported_with_what_was_said_before_and_removed_from_the_room(
    node: CoreNode, admin: Person
) -> None:
    ann, ben = await node.person("ann_m"), await node.person("ben_m")
    room_id = (await ann.prepare())["chat"]["room_id"]
    writer, reader = await ann.connect(), await ben.connect()
    await reader.done("chat:join", {"room_id": room_id})
    await writer.done("chat:send", {"room_id": room_id, "text": "before", "client_id": "1"})
    sent = await writer.done("chat:send", {"room_id": room_id, "text": "bad words", "client_id": "2"})
    await ben.done("POST", "/reports", {"kind": "message", "id": sent["id"], "reason": "hate"})
    (case,) = [
        one for one in (await admin.done("GET", "/moderation/queue"))["items"] if one["subject_id"] == sent["id"]
    ]
    assert (case["evidence"]["text"], case["evidence"]["before"][0]["text"]) == ("bad words", "before")
    await decide(admin, ben, "message", sent["id"], "remove")
    assert (await reader.until("chat:deleted"))["id"] == sent["id"]
    history = await reader.done("chat:history", {"room_id": room_id})
    assert [message.get("deleted", False) for message in history["messages"]] == [False, True]


@on_the_node
async def test_a_removed_message_is_back_for_all_when_that_is_reverted(node: CoreNode, admin: Person) -> None:
    ann, ben = await node.person("ann_b"), await node.person("ben_b")
    room_id = (await ann.prepare())["chat"]["room_id"]
    writer, reader = await ann.connect(), await ben.connect()
    await reader.done("chat:join", {"room_id": room_id})
    sent, theirs = [
        await writer.done("chat:send", {"room_id": room_id, "text": text, "client_id": text})
        for text in ("كلام جميل", "mine to delete")
    ]
    case_id = await decide(admin, ben, "message", sent["id"], "remove")
    other_id = await decide(admin, ben, "message", theirs["id"], "warn")
    await writer.done("chat:delete", {"room_id": room_id, "message_id": theirs["id"]})
    for one in (other_id, case_id):
        await admin.done("POST", f"/moderation/cases/{one}/revert", {})
    back = await reader.until("chat:restored")
    assert (back["message"]["id"], back["message"]["text"]) == (sent["id"], "كلام جميل")
    history = (await reader.done("chat:history", {"room_id": room_id}))["messages"]
    assert [message.get("text") for message in history] == ["كلام جميل", None]
    late = await (await ben.connect()).done("chat:join", {"room_id": room_id})
    assert late["messages"] == history


@on_the_node
async def test_a_message_of_a_conversation_is_removed_and_comes_back_too(node: CoreNode, admin: Person) -> None:
    ann, ben = await conversing.people(node, 2)
    talk = await conversing.begin(ann, ben)
    writer, reader = await conversing.inside(ann, talk), await conversing.inside(ben, talk)
    sent = await conversing.write(writer, talk, "bad words")
    case_id = await decide(admin, ben, "message", sent["id"], "remove")
    assert (await reader.until("chat:deleted"))["id"] == sent["id"]
    await admin.done("POST", f"/moderation/cases/{case_id}/revert", {})
    assert (await reader.until("chat:restored"))["message"]["text"] == "bad words"


@on_the_node
async def test_an_act_of_another_case_is_not_reverted(node: CoreNode, admin: Person) -> None:
    ann, ben = await node.person("ann_o"), await node.person("ben_o")
    first, second = [await decide(admin, ben, "stream", (await ann.prepare())["id"], "hide") for _ in range(2)]
    act_id = (await admin.done("GET", f"/moderation/cases/{second}"))["acts"][0]["id"]
    assert (await admin.call("POST", f"/moderation/cases/{first}/revert", json={"act_id": act_id}))[0] == 409


@on_the_node
async def test_a_restricted_person_neither_chats_nor_goes_live(node: CoreNode, admin: Person) -> None:
    ann, ben = await node.person("ann_x"), await node.person("ben_x")
    room_id = (await ben.prepare())["chat"]["room_id"]
    stream = await ann.prepare()
    await decide(admin, ben, "person", ann.id, "restrict")
    device = await ann.connect()
    refused = await device.refused("chat:send", {"room_id": room_id, "text": "hello", "client_id": "1"})
    assert refused["code"] == "restricted"
    assert (await ann.call("POST", "/streams", json={"title": "no"}))[0] == 403
    assert not hasattr(await node.authorize(stream["ingest"]["stream_key"]), "stream_id")
