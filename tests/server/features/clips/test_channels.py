"""Channels: recordings and clips of a person played as a live stream, from the call to the units that are published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from media.control import ListItem
from media.errors import PublishRefused
from media.pull.playout import PlayoutOver, PlayoutPlayback
from media.pull.playout_items import Chunk, Piece, Playout, PlayoutItem
from media.pull.states import PullSource
from media.restream.connection import Trouble
from server.live.sources import SourceLeases
from storage.objects import NoSuchObject
from tests.media.rtmp.recording import Recording
from tests.server.features.clips.conftest import Stage, Stream, new_id

LENGTH_S = 12.0
"""The segments that are whole."""


class Node:
    """What the media process sees of its node: what it is to play, and where that is."""

    def __init__(self, stage: Stage) -> None:
        self._objects = stage.kit.platform().objects
        self.leases: SourceLeases = stage.kit.install().sources.leases
        self.away: set[str] = set()

    async def wanted(self, stream: Stream) -> PullSource | None:
        claimed = await self.leases.claim(lease_s=10.0)
        return next((source for source in claimed if source.stream_id == stream.id), None)

    async def list(
        self, stream_id: str, item: PlayoutItem, *, from_ms: int, after: int
    ) -> tuple[Sequence[Chunk], int | None]:
        asked = ListItem(stream_id=stream_id, item=item, from_ms=from_ms, after=after)
        listed = await self.leases.list_item(asked)
        return listed.chunks, listed.last

    async def read(self, piece: Piece) -> bytes:
        if any(part in piece.key for part in self.away):
            raise OSError("away")
        try:
            found = self._objects.open(piece.key, offset=piece.offset, size=piece.size or 10**9)
            return b"".join([chunk async for chunk in found])
        except NoSuchObject:
            raise OSError("gone") from None


class Player:
    """Plays for some time of a clock moved by hand."""

    def __init__(self, node: Node, stream: Stream, playout: Playout, *, seconds: float, at: float = 0.0) -> None:
        self.recording = Recording(media_time_ms=5_000)
        self.now, self.until = 100.0, 100.0 + seconds
        self.is_busy = False
        self.asked = 0
        self.playback = PlayoutPlayback(
            stream_id=stream.id, playout=playout, library=node, publish=self._publish, on_live=lambda: None,
            wall=lambda: playout.starts_at + at + self.now - 100.0, clock=lambda: self.now, sleep=self._sleep,
        )  # fmt: skip

    async def _publish(self) -> Recording:
        self.asked += 1
        if self.is_busy:
            raise PublishRefused("busy", "Somebody is publishing.")
        return self.recording

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.until and self.recording.stop is not None:
            self.recording.stop("that is enough")
        await asyncio.sleep(0)

    async def play(self) -> BaseException:
        with pytest.raises((Trouble, PlayoutOver, PublishRefused)) as ended:
            async with asyncio.timeout(60):
                await self.playback.run()
        return ended.value

    def seconds(self, kind: str) -> list[float]:
        scale = self.recording.track(kind).timescale
        return [unit.dts / scale - 5.0 for unit in self.recording.of(kind)]


@pytest.fixture
async def channel(stage: Stage) -> Stream:
    """A stream of ada's that is to be one."""
    return await stage.stream(state="scheduled")


async def put(stage: Stage, stream: Stream, *items: tuple[str, str], **more: Any) -> tuple[int, Any]:
    body = {"items": [{"kind": kind, "id": id_} for kind, id_ in items], **more}
    return await stage.served.call("PUT", f"/streams/{stream.id}/channel", token=stage.ada, json=body)


async def test_recordings_and_clips_are_played_in_turn_without_a_gap_and_again(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    clip = await stage.made(recording, stage.ada, seconds=4, end_ms=9_000)
    status, made = await put(stage, channel, ("recording", recording.id), ("clip", clip["id"]))
    assert status == 200, made
    assert [(item["kind"], item["title"], item["fault"]) for item in made["items"]] == [
        ("recording", "Late show", ""), ("clip", "Late show", "")
    ]  # fmt: skip
    assert made["items"][0]["duration_ms"] == pytest.approx(LENGTH_S * 1000, abs=60)
    assert (made["loop"], made["state"]) == (True, "idle")
    node = Node(stage)
    wanted = await node.wanted(channel)
    assert wanted is not None
    assert wanted.playout is not None
    assert (wanted.url, [item.kind for item in wanted.playout.items]) == ("", ["recording", "clip"])
    player = Player(node, channel, wanted.playout, seconds=40.0)
    assert "stopped" in str(await player.play())
    for kind, longest_s in (("video", 0.05), ("audio", 0.08)):
        times = player.seconds(kind)
        steps = [later - earlier for earlier, later in pairwise(times)]
        assert min(steps) > 0
        assert max(steps) < longest_s
        assert times[-1] == pytest.approx(40.0, abs=0.2)
    assert len(player.recording.configured) <= 2, "the same parameters are no other tracks"
    assert player.recording.of("video")[0].is_key
    assert player.recording.reason == "the playout has ended"


async def test_it_goes_on_where_it_would_be_by_the_clock(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    began = datetime.now(UTC) - timedelta(seconds=9)
    _, made = await put(stage, channel, ("recording", recording.id), starts_at=began.isoformat(), loop=False)
    assert made["starts_at"].startswith(began.isoformat()[:19])
    node = Node(stage)
    wanted = await node.wanted(channel)
    assert wanted is not None
    assert wanted.playout is not None
    player = Player(node, channel, wanted.playout, seconds=60.0, at=9.0)
    assert isinstance(await player.play(), PlayoutOver)
    assert 3.9 < player.seconds("video")[-1] < 6.1, "from the segment on that holds the ninth second"
    assert isinstance(await Player(node, channel, wanted.playout, seconds=60.0, at=14.0).play(), PlayoutOver)


async def test_an_item_that_cannot_be_played_is_named_and_skipped(stage: Stage, channel: Stream) -> None:
    gone, read, left = await stage.recorded(), await stage.recorded(), await stage.recorded()
    await put(stage, channel, ("recording", left.id), ("recording", gone.id), ("recording", read.id))
    await stage.kit.database.execute("delete from stream_segments where stream_id = $1", gone.id)
    node = Node(stage)
    node.away.add(read.id)
    wanted = await node.wanted(channel)
    assert wanted is not None
    assert wanted.playout is not None
    player = Player(node, channel, wanted.playout, seconds=30.0)
    await player.play()
    assert player.playback.faults == {1: "missing", 2: "missing"}
    assert "item_skipped" in player.recording.warnings
    times = player.seconds("video")
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.05
    node.away.add(left.id)
    nothing = Player(node, channel, wanted.playout, seconds=30.0)
    assert str(await nothing.play()) == "closed"
    assert nothing.asked == 0, "what has nothing to play takes no stream"


async def test_another_publisher_keeps_the_stream(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    await put(stage, channel, ("recording", recording.id))
    node = Node(stage)
    wanted = await node.wanted(channel)
    assert wanted is not None
    assert wanted.playout is not None
    player = Player(node, channel, wanted.playout, seconds=30.0)
    player.is_busy = True
    assert isinstance(await player.play(), PublishRefused)


async def test_only_what_is_ones_own_can_be_played(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    status, answer = await put(stage, channel, ("recording", recording.id), ("recording", new_id()), ("clip", new_id()))
    assert (status, [one["field"] for one in answer["errors"]]) == (422, ["items.1.id", "items.2.id"])
    live = await stage.on_air()
    assert (await put(stage, channel, ("recording", live.id)))[0] == 422
    assert (await put(stage, channel))[0] == 422
    path = f"/streams/{channel.id}/channel"
    body = {"items": [{"kind": "recording", "id": recording.id}]}
    assert (await stage.served.call("PUT", path, token=stage.bob, json=body))[0] in (403, 404)
    assert (await stage.served.call("PUT", path, json=body))[0] == 401
    ended = await stage.recorded()
    assert (await put(stage, ended, ("recording", recording.id)))[0] == 409
    taken = await stage.kit.install().sources.leases.list_item(
        ListItem(
            stream_id=channel.id,
            item=PlayoutItem(kind="recording", id=recording.id, duration_ms=1),
            from_ms=0,
            after=-1,
        )
    )
    assert taken.chunks == (), "the stream has no channel, so it lists nothing"


async def test_a_stream_has_a_channel_or_a_source(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    source = {"url": "rtmp://93.184.216.34/live/their-name"}
    path = f"/streams/{channel.id}/source"
    assert (await stage.served.call("PUT", path, token=stage.ada, json=source))[0] == 200
    status, answer = await put(stage, channel, ("recording", recording.id))
    assert (status, answer["type"].rpartition("/")[2]) == (409, "has-source")
    await stage.served.call("DELETE", path, token=stage.ada)
    assert (await put(stage, channel, ("recording", recording.id)))[0] == 200
    assert (await stage.served.call("GET", path, token=stage.ada))[0] == 404
    status, answer = await stage.served.call("PUT", path, token=stage.ada, json=source)
    assert (status, answer["type"].rpartition("/")[2]) == (409, "has-channel")
    shown = f"/streams/{channel.id}/channel"
    assert (await stage.served.call("DELETE", shown, token=stage.ada))[0] == 204
    assert (await stage.served.call("DELETE", shown, token=stage.ada))[0] == 204
    assert (await stage.served.call("GET", shown, token=stage.ada))[0] == 404


async def test_what_is_not_due_or_over_is_not_played(stage: Stage, channel: Stream) -> None:
    recording = await stage.recorded()
    node, now = Node(stage), datetime.now(UTC)
    for starts_at, loop, is_wanted in (
        (now + timedelta(hours=1), True, False),
        (now - timedelta(hours=1), True, True),
        (now - timedelta(hours=1), False, False),
    ):
        _, made = await put(stage, channel, ("recording", recording.id), starts_at=starts_at.isoformat(), loop=loop)
        assert (await node.wanted(channel) is not None) is is_wanted
    assert made["state"] == "over"


async def test_a_long_recording_is_listed_page_by_page(
    stage: Stage, channel: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.features.videos.sources.listing.PAGE", 2)
    recording = await stage.recorded()
    await put(stage, channel, ("recording", recording.id))
    node = Node(stage)
    item = PlayoutItem(kind="recording", id=recording.id, duration_ms=13_000)
    numbers: list[int] = []
    last: int | None = -1
    while last is not None:
        chunks, last = await node.list(channel.id, item, from_ms=2_500, after=numbers[-1] if numbers else -1)
        numbers += sorted({chunk.number for chunk in chunks})
    assert len(numbers) >= 4
    assert [later - earlier for earlier, later in pairwise(numbers)] == [1] * (len(numbers) - 1)
