"""What policies of works do to a stream that is on the air, on a node in this process."""

from __future__ import annotations

import asyncpg
import pytest

from storage.ids import Ids
from tests.server.live.core_node import CoreNode, Person
from tests.server.live.test_message_attachments import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def matched(node: CoreNode, holder: Person, publisher: Person, stream_id: str, policy: str) -> str:
    """A match of eight seconds, as the look into the last minutes of a stream finds it."""
    match_id, work_id = (str(Ids().uuid7(1e9)) for _ in range(2))
    db = await asyncpg.connect(node.app.settings.database_url)
    try:
        await db.execute(
            "insert into works (id, owner_id, media_id, title, policy, state, created_at)"
            " values ($1::uuid, $2::uuid, $1::uuid, 'Song', $3, 'ready', now())", work_id, holder.id, policy,
        )  # fmt: skip
        await db.execute(
            "insert into work_matches (id, work_id, holder_id, publisher_id, media_id, media_kind, from_ms, to_ms,"
            " work_from_ms, score, speed, policy, is_credited, muted_until_ms, created_at)"
            " values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, 'stream', 0, 8000, 0, 1, 1, $6, false, 90000,"
            " now())",
            match_id, work_id, holder.id, publisher.id, stream_id, policy,
        )  # fmt: skip
    finally:
        await db.close()
    return match_id


async def test_a_stream_on_the_air_is_mute_until_the_match_is_withdrawn(
    node: CoreNode, owner: Person, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the media process does then is in ``tests/media/test_mute.py``."""
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(node.app.live.media, "mute", lambda stream_id, until_ms: told.append((stream_id, until_ms)))
    stream = await owner.prepare()
    await node.publish(stream)
    match_id = await matched(node, stranger, owner, stream["id"], "mute")
    await owner.done("POST", f"/matches/{match_id}/dispute")

    async def is_told() -> bool:
        return len(told) == expected

    expected = 1
    await eventually(is_told)
    await stranger.done("POST", f"/matches/{match_id}/withdraw")
    expected = 2
    await eventually(is_told)
    assert told == [(stream["id"], 90_000), (stream["id"], 0)]


async def test_who_publishes_a_muted_stream_again_begins_mute(node: CoreNode, owner: Person, stranger: Person) -> None:
    """As after a restart of the media process, or of a publisher that lost its connection."""
    stream = await owner.prepare()
    first = await node.publish(stream)
    assert first.muted_until_ms == 0
    match_id = await matched(node, stranger, owner, stream["id"], "mute")
    await owner.done("POST", f"/matches/{match_id}/dispute")
    await eventually(lambda: _is_mute_until(node, stream["id"], 90_000))
    node.unpublish(first)
    again = await node.publish(stream)
    assert again.muted_until_ms == 90_000
    await stranger.done("POST", f"/matches/{match_id}/withdraw")
    await eventually(lambda: _is_mute_until(node, stream["id"], 0))
    node.unpublish(again)
    assert (await node.publish(stream)).muted_until_ms == 0


async def _is_mute_until(node: CoreNode, stream_id: str, until_ms: int) -> bool:
    db = await asyncpg.connect(node.app.settings.database_url)
    try:
        return bool(await db.fetchval("select muted_until_ms = $2 from streams where id = $1", stream_id, until_ms))
    finally:
        await db.close()


async def test_a_blocked_stream_on_the_air_is_its_owners_alone_until_the_match_is_withdrawn(
    node: CoreNode, owner: Person, fan: Person, stranger: Person
) -> None:
    stream = await owner.prepare()
    await node.publish(stream)
    device = await fan.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    match_id = await matched(node, stranger, owner, stream["id"], "block")
    await owner.done("POST", f"/matches/{match_id}/dispute", {"reason": "licensed"})

    async def is_blocked() -> bool:
        return (await fan.call("GET", f"/streams/{stream['id']}"))[0] == 451

    await eventually(is_blocked)
    _, problem = await fan.call("GET", f"/streams/{stream['id']}")
    assert problem["type"].rpartition("/")[2] == "claimed"
    assert (await device.refused("stream:heartbeat", {"stream_id": stream["id"]}))["code"] == "claimed"
    assert (await owner.done("GET", f"/streams/{stream['id']}"))["state"] == "live"
    held = await stranger.done("GET", f"/streams/{stream['id']}")
    assert held["state"] == "live", "who decides about the match sees what it is of"
    statuses = {}
    for who in (owner, stranger, fan, None):
        headers = {"Authorization": f"Bearer {who.token}"} if who is not None else {}
        async with node.served.http.get(f"{node.served.url}/hls/{stream['id']}/thumbnail.webp", headers=headers) as got:
            statuses[who.username if who is not None else ""] = got.status
    assert statuses == {owner.username: 404, stranger.username: 404, fan.username: 451, "": 451}, "there is no picture"

    await stranger.done("POST", f"/matches/{match_id}/withdraw")

    async def is_back() -> bool:
        return not await is_blocked()

    await eventually(is_back)
    await device.done("stream:watch", {"stream_id": stream["id"]})
