"""What was published of a stream, found wherever it lies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from media.hls.cmaf import read_fragments, read_init
from server.live.footage import Footage, FootageFinder, FootageStream, Gone
from server.live.playback import Playback
from server.live.pull import Pull
from server.live.viewings import NOBODY
from storage.memory.recordings import MemoryRecordings
from storage.memory.tables import Tables
from storage.objects import LocalObjects
from tests.server.live.openness import NO_ADDRESSES
from tests.server.live.test_hls_http import STREAM, HlsFixture

ON_AIR = FootageStream(id=STREAM, is_on_air=True, media_node="n1")


@pytest.fixture
async def publisher(tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> HlsFixture:
    """The node that packages the stream."""
    made = HlsFixture(tmp_path, serve)
    await made.open()
    return made


def other_node(publisher: HlsFixture, folder: Path) -> FootageFinder:
    """Of a node that has nothing of the stream itself."""
    recordings: Any = MemoryRecordings(tables=Tables())
    return FootageFinder(
        playback=Playback(recordings=recordings),
        recordings=recordings,
        objects=LocalObjects(root=folder / "elsewhere"),
        pull=Pull(address_of=lambda node: str(publisher.client.make_url("")).rstrip("/") if node == "n1" else ""),
        addresses=NO_ADDRESSES,
        me="n2",
    )


async def read(footage: Footage) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for one in footage.reel.stretches:
        read_init(await footage.read(one.init))
        data = b"".join([await footage.read(name) for name in one.files])
        assert read_fragments(data)
        found.setdefault(one.about.rendition, []).append(data)
    return found


async def test_a_node_finds_what_another_one_packages_to_the_newest_part(publisher: HlsFixture, tmp_path: Path) -> None:
    here = await publisher.finder.find(ON_AIR, NOBODY, seconds=4.0)
    finder = other_node(publisher, tmp_path)
    there = await finder.find(ON_AIR, NOBODY, seconds=4.0)
    assert here is not None
    assert there is not None
    assert there.reel == here.reel
    assert there.reel.end_s == pytest.approx(6.0, abs=0.4)
    assert await read(there) == await read(here)
    assert "/" not in there.reel.stretches[0].about.path


async def test_footage_ends_where_it_is_wanted_to_end(publisher: HlsFixture) -> None:
    found = await publisher.finder.find(ON_AIR, NOBODY, seconds=1.0, stop_s=3.0)
    assert found is not None
    held = {(one.about.rendition, one.start_s <= 2.5 < one.start_s + one.duration_s) for one in found.reel.stretches}
    assert {("video", True), ("audio", True)} <= held
    assert all(one.start_s < 3.0 and one.start_s + one.duration_s > 2.0 for one in found.reel.stretches)


async def test_a_segment_that_was_stored_and_left_memory_is_read_from_the_store(publisher: HlsFixture) -> None:
    found = await publisher.finder.find(ON_AIR, NOBODY, seconds=10.0)
    assert found is not None
    before = await read(found)
    await publisher.store()
    assert await read(found) == before
    await publisher.objects.delete_prefix("o/")
    with pytest.raises(Gone):
        await read(found)


async def test_of_a_stream_whose_node_cannot_be_reached_the_recording_is_what_there_is(
    publisher: HlsFixture, tmp_path: Path
) -> None:
    lost = FootageStream(id=STREAM, is_on_air=True, media_node="gone")
    assert await other_node(publisher, tmp_path).find(lost, NOBODY, seconds=4.0) is None
