"""Restreams from the call to the media process and back, on a node whose media process the test plays."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from media.control import RestreamsReported, SetRestreams
from media.restream.states import RestreamState, RestreamTarget
from server.live.restreams import Restreaming
from storage.errors import Unavailable
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")
PUBLIC = "rtmp://93.184.216.34/live"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture
def given(node: CoreNode, monkeypatch: pytest.MonkeyPatch) -> list[SetRestreams]:
    """What the media process is given."""
    kept: list[SetRestreams] = []
    monkeypatch.setattr(node.app.live.restreaming, "_set_restreams", kept.append)
    return kept


async def put(person: Person, stream: Mapping[str, Any], name: str = "main", **body: Any) -> tuple[int, Any]:
    body = {"url": PUBLIC, "stream_key": "k1", **body}
    return await person.call("PUT", f"/streams/{stream['id']}/restreams/{name}", json=body)


async def listed(person: Person, stream: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = await person.done("GET", f"/streams/{stream['id']}/restreams")
    assert answer["next"] is None
    items: list[dict[str, Any]] = answer["items"]
    return items


async def test_a_stream_that_goes_live_is_pushed_to_its_targets_and_says_how_they_fare(
    node: CoreNode, owner: Person, given: list[SetRestreams]
) -> None:
    stream = await owner.prepare()
    status, made = await put(owner, stream, stream_key=(key := secrets.token_hex(8)))
    assert (status, made["state"], made["url"]) == (200, "waiting", PUBLIC)
    granted = await node.publish(stream)
    await until(lambda: given)
    assert given == [
        SetRestreams(stream_id=stream["id"], targets=(RestreamTarget(name="main", url=f"{PUBLIC}/{key}"),))
    ]
    assert [one["state"] for one in await listed(owner, stream)] == ["connecting"]

    state = RestreamState(
        name="main", phase="retrying", since=1.5, reason="unreachable", next_try_at=61.5, dropped=3, failures=2
    )
    node.app.live.media_events.handle(RestreamsReported(stream_id=stream["id"], states=(state,)))
    (shown,) = await listed(owner, stream)
    assert (shown["state"], shown["reason"], shown["dropped"], shown["failures"]) == ("retrying", "unreachable", 3, 2)
    assert (shown["since"], shown["next_try_at"]) == ("1970-01-01T00:00:01.500000Z", "1970-01-01T00:01:01.500000Z")
    assert key not in str(shown)

    await put(owner, stream, "second", url="rtmps://93.184.216.34/app/k2", stream_key=None)
    await until(lambda: len(given) == 2)
    assert {one.name: one.url for one in given[-1].targets}["second"] == "rtmps://93.184.216.34/app/k2"
    await owner.done("DELETE", f"/streams/{stream['id']}/restreams/main")
    await until(lambda: len(given) == 3)
    assert [one.name for one in given[-1].targets] == ["second"]

    node.unpublish(granted)
    assert [one["state"] for one in await listed(owner, stream)] == ["waiting"]


async def test_a_persons_own_targets_are_those_of_all_their_streams(node: CoreNode, given: list[SetRestreams]) -> None:
    person = await node.person("simulcaster")
    await person.done("PUT", "/me/restreams/everywhere", {"url": PUBLIC, "stream_key": "mine"})
    await person.done("PUT", "/me/restreams/other", {"url": PUBLIC, "stream_key": "other"})
    stream = await person.prepare()
    await put(person, stream, "other", stream_key="this stream's".replace(" ", "_"))
    await node.publish(stream)
    await until(lambda: given)
    assert {one.name: one.url.rpartition("/")[2] for one in given[-1].targets} == {
        "everywhere": "mine",
        "other": "this_stream's",
    }
    assert {one["name"]: one["is_default"] for one in await listed(person, stream)} == {
        "everywhere": True,
        "other": False,
    }
    await person.done("DELETE", "/me/restreams/everywhere")
    await until(lambda: len(given[-1].targets) == 1)
    assert [one["name"] for one in (await person.done("GET", "/me/restreams"))["items"]] == ["other"]


async def test_the_stream_key_lies_encrypted(node: CoreNode, owner: Person) -> None:
    stream = await owner.prepare()
    await put(owner, stream, stream_key="plain-to-see")
    rows = await node.app.live.restreaming._targets([stream["id"]])
    assert rows[stream["id"]][0].url.endswith("/plain-to-see")
    assert "plain-to-see" not in repr(rows)
    export = await owner.call("GET", "/me/export")
    assert "plain-to-see" not in str(export)


async def test_a_target_whose_key_is_lost_is_left_out_and_the_others_are_pushed_to(
    node: CoreNode, owner: Person
) -> None:
    stream = await owner.prepare()
    await put(owner, stream, "lost")
    await put(owner, stream, "good")
    room = node.app.live.restreaming._targets.__self__  # type: ignore[attr-defined]
    sql = "update restreams set sealed_key = $2 where scope_id = $1 and name = 'lost'"
    await room._db.execute(sql, stream["id"], bytes(64))
    targets = await room.targets_of([stream["id"]])
    assert [one.name for one in targets[stream["id"]]] == ["good"]


@pytest.mark.parametrize(
    "url",
    [
        *("rtmp://127.0.0.1/live", "rtmp://localhost/live", "rtmp://2130706433/live", "rtmp://0x7f.1/live"),
        *("rtmp://[::ffff:127.0.0.1]/live", "rtmp://[::1]/live", "rtmps://169.254.169.254/live", "rtmp://10.1.2.3/a"),
        *("http://93.184.216.34/live", "rtmp://", "rtmp://u:p@93.184.216.34/live", "x" * 2_000),
    ],
)
async def test_an_address_that_may_not_be_reached_is_refused_by_its_field(owner: Person, url: str) -> None:
    stream = await owner.prepare()
    status, problem = await put(owner, stream, url=url)
    assert status == 422
    assert [one["field"] for one in problem["errors"]] == ["url"]
    assert await listed(owner, stream) == []


async def test_only_its_owner_has_to_do_with_the_restreams_of_a_stream(owner: Person, stranger: Person) -> None:
    stream = await owner.prepare()
    hidden = await owner.prepare(visibility="private")
    path = "/restreams/main"
    for body in ({"url": PUBLIC, "stream_key": "k"},):
        assert (await stranger.call("PUT", f"/streams/{stream['id']}{path}", json=body))[0] == 403
        assert (await stranger.call("PUT", f"/streams/{hidden['id']}{path}", json=body))[0] == 404
    assert (await stranger.call("GET", f"/streams/{stream['id']}/restreams"))[0] == 403
    assert (await stranger.call("DELETE", f"/streams/{stream['id']}{path}"))[0] == 403
    assert (await owner.node.served.call("GET", f"/streams/{stream['id']}/restreams"))[0] == 401


async def test_a_stream_has_so_many_restreams_and_no_more_however_many_come_at_once(node: CoreNode) -> None:
    person = await node.person("collector")
    stream = await person.prepare()
    answers = await asyncio.gather(*(put(person, stream, f"n{number}") for number in range(14)))
    most = node.app.settings.max_restreams_per_stream
    assert sorted(status for status, _ in answers) == [200] * most + [409] * (14 - most)
    name = (await listed(person, stream))[0]["name"]
    assert (await put(person, stream, name, stream_key="another"))[0] == 200


async def test_a_stream_that_has_ended_takes_none(owner: Person) -> None:
    stream = await owner.prepare()
    await put(owner, stream)
    await owner.done("POST", f"/streams/{stream['id']}/end")
    assert (await put(owner, stream, "late"))[0] == 409
    await owner.done("DELETE", f"/streams/{stream['id']}/restreams/main")


async def test_targets_are_read_again_while_postgres_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.restreams.AGAIN_S", 0.0)
    given: list[SetRestreams] = []
    tries = 0

    async def targets(stream_ids: Sequence[str]) -> Mapping[str, Sequence[RestreamTarget]]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("postgres", "it restarts")
        return {}

    restreaming = Restreaming(targets=targets, set_restreams=given.append)
    restreaming.start()
    restreaming.began("s")
    restreaming.changed("of another node")
    await until(lambda: given)
    assert (given, tries) == ([SetRestreams(stream_id="s", targets=())], 3)
    restreaming.ended("s")
    restreaming.note(RestreamsReported(stream_id="s", states=(RestreamState(name="a", phase="live", since=0.0),)))
    assert restreaming.states("s") == ()
    await restreaming.close()
