"""Timed metadata: written by the owner, sent to who watches, and told in playlists."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.events import NODE
from actors.runtime import Actor, LocalTransport, LoopClock, Node, handles
from media.hls.marks import Mark, MarkList
from server.features.videos.metadata.metadata import AHEAD_MS, Metadata
from server.live.marks import FRESH_S, Marks
from server.live.node_actor import AnnounceHere
from server.live.viewings import Viewer
from storage.errors import Unavailable
from storage.ids import Ids
from storage.timed_marks import TimedMark, TimedMarks
from tests.server.features.clips.conftest import SECONDS, Stage, Stream
from tests.server.live.nodes import NodeDirectory


def telling() -> tuple[Node, asyncio.Queue[AnnounceHere]]:
    """A node, and what its actor is told of segments."""
    told: asyncio.Queue[AnnounceHere] = asyncio.Queue()

    class Listening(Actor):
        @handles(AnnounceHere)
        def announce(self, message: AnnounceHere) -> None:
            told.put_nowait(message)

    node = Node(name="n1", clock=LoopClock(), directory=NodeDirectory(), transport=LocalTransport())
    node.register(NODE, lambda _: Listening())
    return node, told


async def say(stage: Stage, stream: Stream, token: str | None = None, **body: Any) -> tuple[int, Any]:
    path = f"/streams/{stream.id}/metadata"
    return await stage.served.call("POST", path, token=token or stage.ada, json=body)


async def test_what_the_owner_says_now_is_sent_listed_and_read_for_playlists(stage: Stage) -> None:
    stream = await stage.on_air()
    status, made = await say(stage, stream, text="Goal!")
    assert status == 201
    assert abs(made["at_ms"] - SECONDS * 1000) < 500
    assert (await say(stage, stream, data={"odds": [1, 2]}, at_ms=1_000))[0] == 201
    _, listed = await stage.served.call("GET", f"/streams/{stream.id}/metadata")
    assert [(one["text"], one["data"]) for one in listed["items"]] == [(None, {"odds": [1, 2]}), ("Goal!", None)]
    _, marker = await stage.served.call(
        "POST", f"/streams/{stream.id}/markers", token=stage.ada, json={"label": "Half", "at_ms": 2_000}
    )
    found = await TimedMarks(db=stage.kit.database).of(stream.id)
    assert [(one.kind, one.value) for one in found] == [
        ("metadata", {"data": {"odds": [1, 2]}}), ("marker", {"label": "Half"}), ("metadata", {"text": "Goal!"}),
    ]  # fmt: skip
    assert found[1].id == marker["id"]


async def test_who_watches_is_sent_what_was_said_once_it_is_stored(stage: Stage) -> None:
    stream, kit = await stage.on_air(), stage.kit
    node, told = telling()
    await node.start()
    metadata = Metadata(db=kit.database, footage=kit.footage(), ids=Ids(), publish=kit.published, node=node)
    owner = Viewer(id=await stage.id_of(stage.ada))
    entry = await metadata.add(stream.id, owner, text="Goal!", data=None, at_ms=1_500, at=1.0)
    body = {"stream_id": stream.id, "id": entry.id, "at_ms": 1_500, "text": "Goal!", "data": None}
    assert kit.published.events == [(f"stream:{stream.id}", "stream:metadata", body)]
    mark = Mark(id=str(entry.id), at_ms=1_500, kind="metadata", value='{"text":"Goal!"}')
    async with asyncio.timeout(30):
        assert await told.get() == AnnounceHere(stream_id=stream.id, mark=mark)
    await node.stop(budget_s=1.0)


async def test_only_the_owner_says_something_and_nobody_of_a_stream_that_they_may_not_know_of(stage: Stage) -> None:
    stream = await stage.recorded()
    assert (await say(stage, stream, stage.bob, text="x", at_ms=1))[0] == 403
    private = await stage.recorded(visibility="private")
    assert (await say(stage, private, stage.bob, text="x", at_ms=1))[0] == 404
    assert (await stage.served.call("GET", f"/streams/{private.id}/metadata", token=stage.bob))[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"text": "x", "data": {}}, ""),
        ({"text": ""}, "text"),
        ({"text": "x" * 1_001}, "text"),
        ({"data": {"x": "y" * 5_000}}, "data"),
        ({"data": [1]}, "data"),
        ({"text": "x", "at_ms": -1}, "at_ms"),
        ({"text": "x", "at_ms": SECONDS * 1000 + AHEAD_MS + 1_000}, "at_ms"),
    ],
)
async def test_what_cannot_be_said_is_refused_by_its_field(stage: Stage, body: dict[str, Any], field: str) -> None:
    status, problem = await say(stage, await stage.on_air(), **body)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])


async def test_a_stream_has_a_bounded_number_of_entries(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.database.execute(
        "insert into stream_metadata (id, stream_id, author_id, at_ms, text) "
        "select gen_random_uuid(), $1, $2, n, 'x' from generate_series(1, 5000) n",
        stream.id, await stage.id_of(stage.ada),
    )  # fmt: skip
    status, problem = await say(stage, stream, text="x", at_ms=1)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "too-much-metadata")


async def test_moments_are_read_once_a_second_and_outlast_a_database_that_is_away() -> None:
    at, reads = [0.0], [0]
    rows: list[TimedMark] | Unavailable = [TimedMark(id="1", at_ms=5, kind="marker", value={"label": "x"})]

    async def read(stream_id: str) -> list[TimedMark]:
        reads[0] += 1
        if isinstance(rows, Unavailable):
            raise rows
        return rows

    marks = Marks(read=read, monotonic=lambda: at[0])
    held = await marks.of("s")
    assert isinstance(held, MarkList)
    assert [each.value for each in held.items] == ['{"label":"x"}']
    assert (await marks.of("s") is held, reads[0]) == (True, 1)
    at[0] += FRESH_S
    assert (await marks.of("s") is held, reads[0]) == (True, 2)
    at[0] += FRESH_S
    rows = Unavailable("postgres", "it is away")
    assert (await marks.of("s") is held, reads[0]) == (True, 3)
