"""Streams for followers and streams with a password, on a node in this process: who may see them, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "open sesame"


async def status(person: Person, method: str, path: str, body: Any = None) -> int:
    return (await person.call(method, path, json=body))[0]


async def new(node: CoreNode, *names: str) -> list[Person]:
    return [await node.person(name) for name in names]


async def listed(person: Person, owner: Person) -> list[str]:
    page = await person.done("GET", f"/streams?owner={owner.username}")
    return [item["id"] for item in page["items"]]


async def sees(person: Person, stream: dict[str, Any]) -> list[bool]:
    """In each way: over REST, its chat's replay, on a socket that comes now, and in the room."""
    device, path = await person.connect(), f"/streams/{stream['id']}"
    acks = [
        await device.ask("stream:watch", {"stream_id": stream["id"]}),
        await device.ask("chat:join", {"room_id": stream["chat"]["room_id"]}),
    ]
    await device.client.disconnect()
    return [await status(person, "GET", path) == 200, await status(person, "GET", f"{path}/chat") == 200] + [
        ack["ok"] for ack in acks
    ]


async def test_a_stream_for_followers_is_seen_and_listed_by_them_its_owner_and_guests_alone(node: CoreNode) -> None:
    ann, bob, cem, eve = await new(node, "ann_f", "bob_f", "cem_f", "eve_f")
    stream = await ann.prepare(visibility="followers")
    await bob.done("PUT", "/users/ann_f/follow")
    await ann.done("PUT", f"/streams/{stream['id']}/guests/cem_f")
    for person, is_let_in, is_listed in ((ann, True, True), (bob, True, True), (cem, True, False), (eve, False, False)):
        assert await sees(person, stream) == [is_let_in] * 4, person.username
        assert await listed(person, ann) == [stream["id"]] * is_listed
    assert (await node.served.call("GET", f"/streams/{stream['id']}"))[0] == 404
    device = await bob.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    await node.publish(stream)
    assert (await device.until("stream:state"))["playback"]["hls"].startswith(f"/hls/{stream['id']}~")


@pytest.mark.parametrize("ends", ["unfollow", "removed", "blocked", "blocks"])
async def test_a_viewer_who_follows_no_longer_is_evicted_from_a_stream_for_followers(node: CoreNode, ends: str) -> None:
    ann, bob = await new(node, f"ann_{ends}", f"bob_{ends}")
    stream = await ann.prepare(visibility="followers")
    await bob.done("PUT", f"/users/{ann.username}/follow")
    device, mine = await bob.connect(), await ann.connect()
    room = {"room_id": stream["chat"]["room_id"]}
    for each in (device, mine):
        await each.done("stream:watch", {"stream_id": stream["id"]})
    acts = {
        "unfollow": (bob, "DELETE", f"/users/{ann.username}/follow"),
        "removed": (ann, "DELETE", f"/me/follow-requests/{bob.username}"),
        "blocked": (ann, "PUT", f"/users/{bob.username}/block"),
        "blocks": (bob, "PUT", f"/users/{ann.username}/block"),
    }
    person, method, path = acts[ends]
    await person.done(method, path)
    assert (await device.refused("stream:heartbeat", {"stream_id": stream["id"]}))["code"] == "not_found"
    await mine.done("chat:send", {**room, "text": "hello", "client_id": "1"})
    assert (await mine.until("chat:messages"))["messages"][0]["text"] == "hello"
    assert (await device.refused("chat:history", {**room, "limit": 1}))["code"] == "not_found"
    assert not any(name == "chat:messages" for name, _ in device.pending())
    assert await sees(bob, stream) == [False] * 4


async def test_a_stream_that_becomes_one_for_followers_keeps_them_and_shows_them_their_own_addresses(
    node: CoreNode,
) -> None:
    ann, bob, eve = await new(node, "ann_k", "bob_k", "eve_k")
    stream = await ann.prepare()
    await bob.done("PUT", "/users/ann_k/follow")
    follower, other = await bob.connect(), await eve.connect()
    for device in (follower, other):
        await device.done("stream:watch", {"stream_id": stream["id"]})
    await node.publish(stream)
    for device in (follower, other):
        await device.until("stream:state")
    await ann.done("PATCH", f"/streams/{stream['id']}", {"visibility": "followers"})
    shown = await follower.until("stream:state")
    assert shown["playback"]["hls"].startswith(f"/hls/{stream['id']}~")
    await follower.done("stream:heartbeat", {"stream_id": stream["id"]})
    assert (await other.refused("stream:heartbeat", {"stream_id": stream["id"]}))["code"] == "not_found"
    assert not any(name == "stream:state" for name, _ in other.pending())


async def test_who_gives_the_password_of_a_stream_sees_it_until_it_is_changed(node: CoreNode) -> None:
    ann, bob = await new(node, "ann_p", "bob_p")
    stream = await ann.prepare(visibility="password", password=SECRET)
    path, watch = f"/streams/{stream['id']}", {"stream_id": stream["id"]}
    device = await bob.connect()
    assert SECRET not in str(stream)
    assert await sees(bob, stream) == [False] * 4
    code, problem = await bob.call("GET", path)
    assert (code, problem["type"].rpartition("/")[2]) == (403, "password-required")
    assert (await device.refused("stream:watch", watch))["code"] == "password_required"
    assert (await node.served.call("GET", path))[0] == 403
    assert await status(bob, "PUT", f"{path}/grant", {"password": "open barley"}) == 403
    assert await sees(bob, stream) == [False] * 4
    for _ in range(2):
        assert await status(bob, "PUT", f"{path}/grant", {"password": SECRET}) == 204
    assert await sees(bob, stream) == [True] * 4
    assert (await listed(bob, ann), await listed(ann, ann)) == ([], [stream["id"]])
    await device.done("stream:watch", watch)
    await ann.done("PATCH", path, {"password": "another one"})
    assert (await device.refused("stream:heartbeat", watch))["code"] == "password_required"
    assert await sees(bob, stream) == [False] * 4
    assert await status(bob, "PUT", f"{path}/grant", {"password": SECRET}) == 403
    assert await status(bob, "PUT", f"{path}/grant", {"password": "another one"}) == 204


async def test_whom_the_owner_blocks_is_not_told_that_a_stream_has_a_password(node: CoreNode) -> None:
    ann, bob = await new(node, "ann_b", "bob_b")
    stream = await ann.prepare(visibility="password", password=SECRET)
    await ann.done("PUT", "/users/bob_b/block")
    for method, more, body in (("GET", "", None), ("PUT", "/grant", {"password": SECRET})):
        assert await status(bob, method, f"/streams/{stream['id']}{more}", body) == 404


async def test_the_next_stream_of_a_lasting_key_has_the_password_of_the_one_before(node: CoreNode) -> None:
    ann, bob = await new(node, "ann_n", "bob_n")
    first = await ann.prepare(visibility="password", password=SECRET)
    await ann.done("POST", f"/streams/{first['id']}/end")
    granted = await node.authorize((await ann.done("GET", "/me/ingest"))["stream_key"])
    path = f"/streams/{granted.stream_id}"  # type: ignore[union-attr]
    assert (await ann.done("GET", path))["visibility"] == "password"
    assert await status(bob, "GET", path) == 403
    assert await status(bob, "PUT", f"{path}/grant", {"password": SECRET}) == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"visibility": "password"}, "password"),
        ({"password": SECRET}, "password"),
        ({"visibility": "private", "password": SECRET}, "password"),
        ({"visibility": "password", "password": ""}, "password"),
        ({"visibility": "password", "password": "x" * 129}, "password"),
        ({"visibility": "password", "password": None}, "password"),
        ({"visibility": "patrons"}, "visibility"),
    ],
)
async def test_a_password_and_its_visibility_come_together(owner: Person, body: dict[str, Any], field: str) -> None:
    stream = await owner.prepare()
    for method, path, more in (("POST", "/streams", {"title": "x"}), ("PATCH", f"/streams/{stream['id']}", {})):
        code, problem = await owner.call(method, path, json={**more, **body})
        assert (code, [error["field"] for error in problem["errors"]]) == (422, [field])
    assert (await owner.done("GET", f"/streams/{stream['id']}"))["visibility"] == "public"


async def test_guesses_of_a_password_are_refused_after_a_few(node: CoreNode) -> None:
    ann, bob = await new(node, "ann_g", "bob_g")
    stream = await ann.prepare(visibility="password", password=SECRET)
    found = [await status(bob, "PUT", f"/streams/{stream['id']}/grant", {"password": f"{n}"}) for n in range(12)]
    assert set(found) == {403, 429}
    assert await status(bob, "PUT", f"/streams/{stream['id']}/grant", {"password": SECRET}) == 429
