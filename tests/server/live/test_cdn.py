"""A CDN in front: each thing that it may keep is asked of the node once, however many watch."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from media.control import Packaged
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from server.live.viewings import NOBODY
from tests.media.hls.sources import AUDIO, VIDEO, live, mixed, pictures, sounds
from tests.server.live.shared_cache import SharedCache, Stored
from tests.server.live.test_hls_http import BASE, BY_CDN, STREAM, HlsFixture

VIEWERS = 50
RELOADS = 8


class Broadcast(HlsFixture):
    """On the air for six seconds; ``go_on`` adds a third of one."""

    async def open(self) -> None:
        await self.counting.node.start()
        await self.playback.prepare(await self.view(STREAM, viewer=NOBODY))
        self._muxer = Muxer(folder=RunFolder(path=self.folder), publication=1)
        self._units = mixed(pictures(30), sounds(30))
        self._apply(live(VIDEO, AUDIO, units=self._take(7.0)))
        self.client = await self._serve(*self._routes.operations())

    def go_on(self) -> None:
        self._apply(self._take(1 / 3))

    def _take(self, seconds: float) -> list[Any]:
        until = self._units[0].at + seconds
        taken = [unit for unit in self._units if unit.at < until]
        del self._units[: len(taken)]
        return taken

    def _apply(self, items: list[Any]) -> None:
        for event in self._muxer.feed(items):
            self.playback.packaged(Packaged(stream_id=STREAM, publication=1, event=event))


@pytest.fixture
async def broadcast(tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> Broadcast:
    made = Broadcast(tmp_path, serve)
    await made.open()
    return made


async def follow(cache: SharedCache, rendition: str) -> list[Stored]:
    """What a low-latency player asks for: playlists that wait for the next part, and every part as it is hinted."""
    playlist = await cache.get(f"{BASE}/{rendition}")
    got = [playlist]
    for _ in range(RELOADS):
        text = playlist.body.decode()
        hint = matched(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', text)
        segment, part = re.findall(r"/(\d+)\.(\d+)\.m4s", hint)[0]
        reload = cache.get(f"{BASE}/{rendition}?_HLS_msn={segment}&_HLS_part={part}&_HLS_skip=YES")
        playlist, hinted = await asyncio.gather(reload, cache.get(f"{BASE}/{hint}"))
        got += [playlist, hinted]
    return got


def matched(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found.group(1)


async def watch(cache: SharedCache) -> list[Stored]:
    master = await cache.get(f"{BASE}/index.m3u8")
    assert b"video.m3u8" in master.body
    first = await cache.get(f"{BASE}/video.m3u8")
    inits = re.findall(r'EXT-X-MAP:URI="([^"]+)"', first.body.decode())
    whole = re.findall(r"(?m)^(\S+\.m4s)$", first.body.decode())
    files = await asyncio.gather(*[cache.get(f"{BASE}/{name}") for name in [*inits, *whole]])
    followed = await asyncio.gather(follow(cache, "video.m3u8"), follow(cache, "audio.m3u8"))
    return [master, first, *files, *followed[0], *followed[1]]


async def test_fifty_viewers_behind_a_shared_cache_cost_the_node_one_request_for_each_address(
    broadcast: Broadcast,
) -> None:
    cache = SharedCache(broadcast.client)
    async with asyncio.timeout(60):
        viewers = asyncio.gather(*[watch(cache) for _ in range(VIEWERS)])
        while not viewers.done():
            broadcast.go_on()
            await asyncio.sleep(0.01)
    assert {each.status for got in viewers.result() for each in got} == {200}
    assert cache.unstored == set()
    assert set(cache.asked.values()) == {1}
    assert len(cache.asked) > 2 * 2 * RELOADS


async def test_shared_caches_keep_what_was_waited_for_longer_than_what_anybody_gets(broadcast: Broadcast) -> None:
    async def said(path: str) -> tuple[str, str | None]:
        async with broadcast.client.get(f"{BASE}/{path}", headers=BY_CDN) as answer:
            assert answer.headers["Age"] == "0"
            return answer.headers["Cache-Control"], answer.headers.get("CDN-Cache-Control")

    # Six target durations, and half of one (RFC 8216bis, appendix B.1).
    assert await said("video.m3u8?_HLS_msn=2&_HLS_part=0") == ("no-cache", "max-age=12")
    assert await said("video.m3u8") == await said("index.m3u8") == ("no-cache", "max-age=1")
    broadcast.visibility = "private"
    assert await said("video.m3u8?_HLS_msn=2&_HLS_part=0") == ("private, no-cache", None)


@pytest.mark.parametrize("path", ["video.m3u8?_HLS_msn=99", "none.m3u8", "video/1/99.m4s", "video.m3u8?_HLS_part=1"])
async def test_no_cache_keeps_a_refusal(broadcast: Broadcast, path: str) -> None:
    async with broadcast.client.get(f"{BASE}/{path}") as answer:
        assert answer.status >= 400
        assert answer.headers["Cache-Control"] == "no-store"
        assert "CDN-Cache-Control" not in answer.headers
