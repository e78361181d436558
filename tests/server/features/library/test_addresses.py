"""Where videos are played from: a CDN by setting, signed addresses that expire, for as long as one may see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from media.hls.events import Event
from server.features.videos.library import media as library_media
from storage.objects import LocalObjects
from tests.server.features.clips.conftest import media, staged
from tests.server.features.library.conftest import Studio
from tests.server.kit import Kit

__all__ = ["media"]

CDN = "https://cdn.example/live"


def inside(url: str) -> str:
    """What the CDN asks this server for."""
    assert url.startswith(f"{CDN}/"), url
    return url.removeprefix(CDN)


@asynccontextmanager
async def studio_of(kit: Kit, **settings: Any) -> AsyncIterator[Studio]:
    async with kit.serve(**settings) as served:
        yield Studio(kit, served, await served.register("ada"), await served.register("bob"))


async def every_file(studio: Studio, index: str) -> list[str]:
    """All that a player asks for, from a multivariant playlist on."""
    found = []
    _, body, _ = await studio.get(index)
    for rendition in [urljoin(index, line) for line in body.decode().splitlines() if line.endswith(".m3u8")]:
        _, listed, _ = await studio.get(rendition)
        found += [rendition, *(urljoin(rendition, one) for one in listed.decode().splitlines() if one.endswith(".m4s"))]
    return found


async def test_signed_playback_over_a_cdn_reaches_every_segment_and_nothing_else_does(
    kit: Kit, small_film: bytes
) -> None:
    async with studio_of(kit, cdn_base_url=f"{CDN}/", sign_playback=True) as studio:
        video = await studio.encoded(small_film)
        assert video["state"] == "ready", video
        playback = video["playback"]
        for name in ("hls", "dash", "storyboard", "thumbnail"):
            assert playback[name].startswith(f"{CDN}/vod/{video['id']}~"), name
        index = inside(playback["hls"])
        files = await every_file(studio, index)
        assert any(one.endswith(".m4s") for one in files)
        for one in files:
            status, _, headers = await studio.get(one)
            assert status == 200, one
            if one.endswith(".m4s"):
                assert headers["Cache-Control"].startswith("public, max-age=")
                assert headers["Cache-Control"] != "public, max-age=31536000, immutable"
            plain = one.replace(index.split("/")[2], video["id"])
            assert (await studio.get(plain))[0] == 403, plain
            assert (await studio.get(plain, token=studio.bob))[0] == 200, plain
        assert (await studio.get(f"/vod/{video['id']}/thumbnail.webp"))[0] == 200  # cards show it
        _, shown = await studio.call("GET", f"/videos/{video['id']}", studio.bob)
        assert shown["playback"]["hls"] == playback["hls"]  # one copy for all


async def test_a_post_has_the_signed_addresses_of_the_video_that_it_carries(kit: Kit, small_film: bytes) -> None:
    async with studio_of(kit, cdn_base_url=CDN, sign_playback=True) as studio:
        video = await studio.encoded(small_film)
        status, post = await studio.call(
            "POST", "/posts", studio.ada, json={"text": "look", "media": [{"video_id": video["id"]}]}
        )
        assert status == 201, post
        for token in (studio.ada, studio.bob, ""):
            _, shown = await studio.call("GET", f"/posts/{post['post']['id']}", token)
            (carried,) = shown["media"]
            assert carried["url"] == video["playback"]["hls"]
            assert (await studio.get(inside(carried["url"])))[0] == 200
            assert (await studio.get(inside(carried["preview_url"])))[0] == 200


async def test_recordings_have_the_cdns_address_too_and_are_signed(kit: Kit, media: list[Event]) -> None:
    async with staged(kit, media, cdn_base_url=CDN, sign_playback=True) as stage:
        stream = await stage.recorded()
        await stage.kit.read_facts([stage.served.feature("library")])
        _, video = await stage.served.call("GET", f"/videos/{stream.id}", token=stage.ada)
        assert video["playback"]["hls"].startswith(f"{CDN}/hls/{stream.id}~")
        url = stage.served.url + f"/vod/{stream.id}/index.m3u8"
        me = {"Authorization": f"Bearer {stage.bob}"}
        async with stage.served.http.get(url, headers=me, allow_redirects=False) as answer:
            assert answer.status == 307
            assert urlsplit(answer.headers["Location"]).path.startswith(f"/hls/{stream.id}~")
        async with stage.served.http.get(url, allow_redirects=False) as answer:
            assert answer.status == 403


class Slow(LocalObjects):
    """Sends the first bytes of an object, and the rest when it is told."""

    def __init__(self, *, root: Path, goes_on: asyncio.Event) -> None:
        super().__init__(root=root)
        self._goes_on = goes_on

    async def open(self, key: str, *, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
        async for chunk in super().open(key, offset=offset, size=10 if key.endswith(".m4s") else size):
            yield chunk
        if key.endswith(".m4s"):
            await self._goes_on.wait()


async def test_forged_addresses_are_refused_and_a_segment_is_broken_off_when_the_right_to_see_it_ends(
    kit: Kit, small_film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with studio_of(kit) as studio:
        video = await studio.encoded(small_film, visibility="followers")
        await studio.call("PUT", "/users/ada/follow", studio.bob)
        _, shown = await studio.call("GET", f"/videos/{video['id']}", studio.bob)
        good = shown["playback"]["hls"]
        await forge(studio, good)
        segment = next(one for one in await every_file(studio, good) if one.endswith(".m4s"))
        assert (await studio.get(segment))[0] == 200
        goes_on = asyncio.Event()
        monkeypatch.setattr(library_media, "from_store", slowly(library_media.from_store, kit, goes_on))
        async with studio.served.http.get(studio.served.url + segment) as answer:
            assert await answer.content.readany()
            await studio.call("DELETE", "/users/ada/follow", studio.bob)
            with pytest.raises(aiohttp.ClientPayloadError):
                await asyncio.wait_for(answer.read(), 60)
        goes_on.set()  # A server that stops waits a minute for who is still sent something.
        assert (await studio.get(segment))[0] == 404


async def forge(studio: Studio, good: str) -> None:
    """A forged address is refused whether or not there is a video; without any, there is none to know of."""
    video_id, token = good.split("/")[2].split("~")
    changed = ("A" if token[40] != "A" else "B").join((token[:40], token[41:]))
    for one in (video_id, "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"):
        for part in (f"{one}~{changed}", f"{one}~{'A' * 72}"):
            for file in ("index.m3u8", "90p.m3u8", "manifest.mpd", "1/90p/0.m4s"):
                assert (await studio.get(f"/vod/{part}/{file}"))[0] == 403
    assert (await studio.get(f"/vod/{video_id}/index.m3u8"))[0] == 404


def slowly(send: Callable[..., Any], kit: Kit, goes_on: asyncio.Event) -> Callable[..., Any]:
    async def from_slow_store(_: object, *given: Any, **more: Any) -> Any:
        return await send(Slow(root=kit.objects_dir, goes_on=goes_on), *given, **more)

    return from_slow_store
