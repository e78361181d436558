"""Streams over REST on a node in this process: who may, what is refused, what holds for those who publish and watch."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from media.control import Granted, Progress, Refused
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
OWNERS = [
    ("PATCH", "", {"title": "Stolen"}),
    ("DELETE", "", None),
    ("POST", "/end", None),
    ("POST", "/key/rotate", None),
    ("GET", "/health", None),
]


def refusal(answer: Granted | Refused) -> str | None:
    return answer.code if isinstance(answer, Refused) else None


async def ids(person: Person, query: str) -> list[str]:
    """Of all pages."""
    found, cursor = [], ""
    while True:
        page = await person.done("GET", f"/streams?{query}{cursor}")
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"title"}),
        ({"title": ""}, {"title"}),
        ({"title": "x" * 141}, {"title"}),
        ({"title": None, "tags": "one", "latency": "none"}, {"title", "tags", "latency"}),
        ({"title": "x", "tags": ["t"] * 11}, {"tags"}),
        ({"title": "x", "tags": ["x" * 31]}, {"tags.0"}),
        ({"title": "x", "description": "x" * 5_001, "visibility": "secret"}, {"description", "visibility"}),
        ({"title": "x", "category": "x" * 51, "language": "e_n"}, {"category", "language"}),
        ({"title": "x", "record": "yes"}, {"record"}),
        ({"title": "x", "scheduled_at": "2030-01-01"}, {"scheduled_at"}),
        ({"title": "", "scheduled_at": "2026-01-01T00:00:00Z"}, {"scheduled_at", "title"}),
        ({"title": "a\x00b" * 60}, {"title"}),
    ],
)
async def test_all_that_is_wrong_with_a_new_stream_is_told_at_once(
    owner: Person, body: dict[str, Any], fields: set[str]
) -> None:
    status, problem = await owner.call("POST", "/streams", json=body)
    assert status == 422
    assert {error["field"] for error in problem["errors"]} == fields


async def test_a_key_is_shown_to_its_owner_alone_and_no_more_after_the_end(
    node: CoreNode, owner: Person, fan: Person
) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}"
    assert (await owner.done("GET", path))["ingest"] == stream["ingest"]
    assert stream["ingest"]["whip_url"].endswith(f"/whip/{stream['id']}")
    for shown in (await fan.done("GET", path), (await node.served.call("GET", path))[1]):
        assert stream["ingest"]["stream_key"] not in str(shown)
    await owner.done("POST", f"{path}/end")
    assert (await owner.done("GET", path)).get("ingest") is None


@pytest.mark.parametrize(("method", "more", "body"), OWNERS)
async def test_what_is_the_owners_is_refused_to_others_and_not_there_where_they_may_not_look(
    node: CoreNode, owner: Person, stranger: Person, method: str, more: str, body: Any
) -> None:
    public, hidden = await owner.prepare(), await owner.prepare(visibility="private")
    for stream_id, status in ((public["id"], 403), (hidden["id"], 404), (NO_STREAM, 404), ("not-an-id", 404)):
        assert (await stranger.call(method, f"/streams/{stream_id}{more}", json=body))[0] == status
        assert (await node.served.call(method, f"/streams/{stream_id}{more}", json=body))[0] in (401, 404)
    for stream in (public, hidden):
        shown = await owner.done("GET", f"/streams/{stream['id']}")
        assert (shown["title"], shown["state"], shown["ingest"]) == ("A stream", "scheduled", stream["ingest"])


async def test_an_admin_acts_on_hidden_streams_of_others(admin: Person, owner: Person) -> None:
    hidden = await owner.prepare(visibility="private")
    path = f"/streams/{hidden['id']}"
    assert (await admin.done("PATCH", path, {"title": "By an admin"}))["title"] == "By an admin"
    assert (await admin.done("POST", f"{path}/end"))["state"] == "ended"
    await admin.done("DELETE", path)
    assert (await owner.call("GET", path))[0] == 404


async def test_only_what_is_named_changes_and_a_title_stays_one(owner: Person) -> None:
    stream = await owner.prepare("Before", description="kept", tags=["a"], scheduled_at="2030-01-01T00:00:00Z")
    path = f"/streams/{stream['id']}"
    changed = await owner.done("PATCH", path, {"tags": ["b", "b"], "record": False})
    assert (changed["title"], changed["description"], changed["tags"]) == ("Before", "kept", ["b"])
    assert (changed["record"], changed["scheduled_at"]) == (False, "2030-01-01T00:00:00Z")
    assert (await owner.done("PATCH", path, {"scheduled_at": None}))["scheduled_at"] is None
    assert (await owner.done("PATCH", path, {}))["tags"] == ["b"]
    for body in ({"title": None}, {"title": " "}, {"latency": "fast"}, {"tags": None}, {"visibility": None}):
        status, problem = await owner.call("PATCH", path, json=body)
        assert (status, [error["field"] for error in problem["errors"]]) == (422, list(body))
    assert (await owner.done("GET", path))["title"] == "Before"


async def test_changes_at_once_are_all_made(owner: Person) -> None:
    stream = await owner.prepare()
    changes: list[dict[str, Any]] = [{"title": "T"}, {"description": "D"}, {"category": "C"}, {"tags": ["t"]}]
    await asyncio.gather(*(owner.done("PATCH", f"/streams/{stream['id']}", change) for change in changes))
    shown = await owner.done("GET", f"/streams/{stream['id']}")
    assert [shown[name] for name in ("title", "description", "category", "tags")] == ["T", "D", "C", ["t"]]


async def test_a_stream_is_published_by_one_and_again_after_it_was_left_and_never_after_its_end(
    node: CoreNode, owner: Person
) -> None:
    stream = await owner.prepare()
    path, key = f"/streams/{stream['id']}", stream["ingest"]["stream_key"]
    granted = await node.publish(stream)
    assert refusal(await node.authorize(key)) == "busy"
    shown = await owner.done("GET", path)
    assert (shown["state"], shown["playback"]["whep"]) == ("live", f"/whep/{stream['id']}")
    node.unpublish(granted)
    again = await node.publish(stream)
    assert again.publication > granted.publication
    assert (await owner.done("POST", f"{path}/end"))["state"] == "ended"
    assert refusal(await node.authorize(key)) == "ended"
    assert (await owner.done("POST", f"{path}/end"))["state"] == "ended"  # as it is already


async def test_of_many_that_publish_at_once_one_has_leave(node: CoreNode, owner: Person) -> None:
    key = (await owner.prepare())["ingest"]["stream_key"]
    answers = await asyncio.gather(*(node.authorize(key) for _ in range(20)))
    assert sum(isinstance(answer, Granted) for answer in answers) == 1


async def test_a_new_key_publishes_and_the_old_one_does_not(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    rotated = await owner.done("POST", f"/streams/{stream['id']}/key/rotate")
    assert rotated["stream_key"] != stream["ingest"]["stream_key"]
    assert rotated["rtmp_url"] == stream["ingest"]["rtmp_url"]
    assert isinstance(await node.authorize(stream["ingest"]["stream_key"]), Refused)
    assert (await node.publish({"ingest": rotated})).stream_id == stream["id"]


@pytest.mark.parametrize("key", ["", "nobody's", "x" * 5_000, "a\x00b", "🎉"])
async def test_a_key_of_nobody_is_refused(node: CoreNode, key: str) -> None:
    refused = await node.authorize(key)
    assert isinstance(refused, Refused)
    assert refused.status in (401, 403, 404)


async def test_a_lasting_key_takes_the_prepared_stream_then_makes_one_like_the_last(
    node: CoreNode, stranger: Person
) -> None:
    mine = await stranger.done("GET", "/me/ingest")
    assert await stranger.done("GET", "/me/ingest") == mine
    prepared = await stranger.prepare("Prepared", category="Art")
    first = await node.publish({"ingest": mine})
    assert first.stream_id == prepared["id"]
    await stranger.done("POST", f"/streams/{prepared['id']}/end")
    second = await node.publish({"ingest": mine})
    made = await stranger.done("GET", f"/streams/{second.stream_id}")
    assert (made["title"], made["category"], made["state"]) == ("Prepared", "Art", "live")
    rotated = await stranger.done("POST", "/me/ingest/rotate")
    assert isinstance(await node.authorize(mine["stream_key"]), Refused)
    assert await stranger.done("GET", "/me/ingest") == rotated


async def test_health_is_empty_until_something_arrives_and_is_what_arrives_then(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/health"
    empty = await owner.done("GET", path)
    assert (empty["state"], empty["codec"], empty["bitrate"], empty["warnings"]) == ("scheduled", None, 0, [])
    granted = await node.publish(stream)
    health = {"codec": "h264", "width": 1280, "fps": 30.0}
    progress = Progress(
        stream_id=granted.stream_id,
        publication=granted.publication,
        media_time_ms=1_000,
        next_segment=1,
        at=0.0,
        health=health,
    )
    node.app.live.media_events.handle(progress)
    shown = await owner.done("GET", path)
    assert {name: shown[name] for name in health} == health
    assert (shown["state"], shown["height"], shown["history"]) == ("live", 0, [])
    (sample,) = (await owner.done("GET", f"{path}?history=true"))["history"]
    assert sample == {"at": 0.0, "bitrate": None, "fps": 30.0, "loudness": None, "jitter_ms": None}


async def test_what_there_is_to_play_is_shown_as_the_media_process_has_it(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare(transcode="ladder")
    path = f"/streams/{stream['id']}"
    assert (stream["transcode"], stream["playback"]["renditions"]) == ("ladder", [])
    granted = await node.publish(stream)
    assert granted.transcode == "ladder"
    shape = {"width": 1280, "height": 720, "fps": 30.0}
    codecs = "avc1.4d401f,mp4a.40.2"
    source = {"name": "source", **shape, "bitrate": 3_000_000, "codecs": codecs, "state": "live"}
    made = {**source, "name": "480p", "width": 854, "height": 480, "bitrate": 1_200_000, "state": "ready"}
    progress = Progress(
        stream_id=granted.stream_id, publication=granted.publication, media_time_ms=1_000, next_segment=1, at=0.0,
        health={}, renditions=(source, made),
    )  # fmt: skip
    node.app.live.media_events.handle(progress)
    assert (await owner.done("GET", path))["playback"]["renditions"] == [source, made]
    assert (await owner.done("PATCH", path, {"transcode": "off"}))["transcode"] == "off"
    assert (await owner.call("PATCH", path, json={"transcode": "all"}))[0] == 422
    choices = {"slate": "off", "takeover": "newest"}
    assert (await owner.done("PATCH", path, choices)).items() >= choices.items()
    for field in choices:
        assert (await owner.call("PATCH", path, json={field: "all"}))[0] == 422
    ended = await owner.done("POST", f"{path}/end")
    assert [each["name"] for each in ended["playback"]["renditions"]] == ["source"]


async def test_lists_hold_what_anybody_may_find_and_each_stream_once(owner: Person, stranger: Person) -> None:
    made = [(await owner.prepare(f"Findable {n}", category="Found", tags=["tagged"]))["id"] for n in range(7)]
    for visibility in ("private", "unlisted"):
        await owner.prepare("Findable hidden", category="Found", visibility=visibility)
    for query in ("state=scheduled&category=Found&limit=2", "q=findable&limit=3", "category=Found&limit=7"):
        assert await ids(stranger, query) == made[::-1]
    assert set(made) <= set(await ids(stranger, f"owner={owner.username}&limit=100"))
    assert await ids(stranger, "category=Found&state=live") == []
    assert await ids(stranger, "owner=nobody_at_all") == []


async def test_the_live_ones_are_listed_by_how_many_watch(node: CoreNode, owner: Person, stranger: Person) -> None:
    made = [await owner.prepare(f"On the air {n}", category="Air") for n in range(4)]
    for stream in made:
        await node.publish(stream)
    for count, stream in enumerate(made):
        for _ in range(count):
            await (await stranger.connect()).done("stream:watch", {"stream_id": stream["id"]})
    # Each stream's actor tells the node its count on its own, so the order comes about a while after the last viewer.
    expected = [stream["id"] for stream in made[::-1]]
    found: list[str] = []
    async with asyncio.timeout(30):
        while found != expected:
            await asyncio.sleep(0.05)
            found = await ids(stranger, "state=live&category=Air&limit=3")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "state=none", "cursor=x", "state=live&cursor=x", "q=%00", "owner=a-b"]
)
async def test_a_list_beyond_its_bounds_is_refused(stranger: Person, query: str) -> None:
    assert (await stranger.call("GET", f"/streams?{query}"))[0] == 422


async def test_the_chat_is_replayed_in_pages_from_an_offset_on(owner: Person, stranger: Person) -> None:
    stream = await owner.prepare()
    device, room_id = await owner.connect(), stream["chat"]["room_id"]
    for number in range(5):
        sent = {"room_id": room_id, "text": f"m{number}", "client_id": str(number)}
        epoch = (await device.done("chat:send", sent))["epoch"]
    path = f"/streams/{stream['id']}/chat"
    page = await stranger.done("GET", f"{path}?limit=2&since_offset=1")
    assert ([item["offset"] for item in page["items"]], page["epoch"]) == ([2, 3], epoch)
    rest = await stranger.done("GET", f"{path}?limit=10&cursor={page['next']}")
    assert ([item["offset"] for item in rest["items"]], rest["next"]) == ([4, 5], None)
    assert (await stranger.done("GET", f"{path}?since_offset=5"))["items"] == []
    for query in ("since_offset=-1", "media_time=-1", "media_time=nan", "limit=101", "cursor=x"):
        assert (await stranger.call("GET", f"{path}?{query}"))[0] == 422
    await owner.done("PATCH", f"/streams/{stream['id']}", {"visibility": "private"})
    assert (await stranger.call("GET", path))[0] == 404


async def test_the_chat_is_replayed_in_step_with_a_recording_that_was_trimmed(
    node: CoreNode, owner: Person, stranger: Person
) -> None:
    stream = await owner.prepare()
    device, room_id = await owner.connect(), stream["chat"]["room_id"]
    for number in range(5):
        await device.done("chat:send", {"room_id": room_id, "text": f"m{number}", "client_id": str(number)})
    db = await asyncpg.connect(node.app.settings.database_url)
    await db.execute(
        'update chat_messages set media_time_ms = "offset" * 1000 where room_id = $1 and "offset" < 5', room_id
    )
    await db.execute("insert into recording_trims values ($1, 2000, 4000, 1, '{}')", stream["id"])
    await db.close()
    path = f"/streams/{stream['id']}/chat"

    async def replayed(query: str) -> list[tuple[str, int | None]]:
        page = await stranger.done("GET", f"{path}?{query}")
        return [(one["text"], one.get("media_time_ms")) for one in page["items"]]

    assert await replayed("media_time=0") == [("m1", 0), ("m2", 1_000)]
    assert await replayed("media_time=0.5") == [("m2", 1_000)]
    assert await replayed("since_offset=0") == [("m1", 0), ("m2", 1_000), ("m4", None)], "what was cut has vanished"
    page = await stranger.done("GET", f"{path}?since_offset=0&limit=1")
    assert (page["items"], page["next"] is None) == ([], False), "what comes after it is still found"
    rest = await stranger.done("GET", f"{path}?limit=1&cursor={page['next']}")
    assert [one["offset"] for one in rest["items"]] == [2]


async def test_a_deleted_stream_is_gone_with_its_key_its_list_entry_and_its_chat(
    node: CoreNode, owner: Person, stranger: Person
) -> None:
    stream = await owner.prepare("To be deleted", category="Doomed")
    await node.publish(stream)
    path = f"/streams/{stream['id']}"
    assert (await owner.call("DELETE", path))[0] == 204
    assert isinstance(await node.authorize(stream["ingest"]["stream_key"]), Refused)
    assert await ids(stranger, "category=Doomed") == []
    for gone in (path, f"{path}/chat", f"{path}/health"):
        assert (await owner.call("GET", gone))[0] == 404
    assert (await owner.call("DELETE", path))[0] == 404


async def test_streams_are_deleted_while_what_follows_from_their_start_is_written(
    node: CoreNode, owner: Person
) -> None:
    streams = [await owner.prepare(f"Short {number}", category="Doomed") for number in range(8)]
    statuses = []
    for stream in streams:
        await node.publish(stream)
        statuses.append((await owner.call("DELETE", f"/streams/{stream['id']}"))[0])
    assert statuses == [204] * len(streams)


async def test_one_idempotency_key_is_one_stream_of_one_body(owner: Person) -> None:
    headers, body = {"Idempotency-Key": "prepare-once"}, {"title": "Once", "category": "Keyed"}
    url = f"{owner.node.served.url}/api/v1/streams"
    keyed = {"Authorization": f"Bearer {owner.token}", **headers}

    async def post(content: dict[str, Any]) -> tuple[int, Any]:
        async with owner.node.served.http.post(url, json=content, headers=keyed) as answer:
            return answer.status, await answer.json()

    answers = await asyncio.gather(*(post(body) for _ in range(5)))
    assert {answer["stream"]["id"] for status, answer in answers if status == 201} == {
        (await post(body))[1]["stream"]["id"]
    }
    assert {status for status, _ in answers} <= {201, 409}
    assert (await post({**body, "title": "Twice"}))[0] == 422
    assert len(await ids(owner, "category=Keyed")) == 1
