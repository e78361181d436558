"""Playlists, segments and pictures as HTTP has them: tags, ranges, and what caches may keep."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from aiohttp.test_utils import TestClient

from actors.events import StreamView
from media.control import Packaged, Pictured
from media.hls.events import PlannedRendition, RenditionsPlanned, SegmentReady, SegmentRemoved
from server.http.operation import Operation
from server.live.addresses import MediaAddresses
from server.live.captions import CaptionMedia
from server.live.footage import FootageFinder
from server.live.hls import HlsRoutes
from server.live.playback import Playback
from server.live.pull import Pull
from server.live.viewings import NOBODY, Viewer, Viewings
from storage.memory.recordings import MemoryRecordings
from storage.memory.tables import Tables
from storage.objects import LocalObjects
from storage.recording import Window
from storage.stream_cues import StoredCue
from tests.server.live.counted import Counting
from tests.server.live.openness import NO_ADDRESSES, NoSeals
from tests.server.live.test_hls import published, stored, view

STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
BASE = f"/hls/{STREAM}"
WALL = 2_000_000_000.5


class HlsFixture:
    """One stream on a node, and a client of it."""

    def __init__(
        self,
        folder: Path,
        client: Callable[..., Awaitable[TestClient[Any, Any]]],
        *,
        addresses: MediaAddresses = NO_ADDRESSES,
    ) -> None:
        self.folder = folder
        self.visibility = "public"
        self.ended_at: dt.datetime | None = None
        self.wanted: list[tuple[str, int]] = []
        self.objects = LocalObjects(root=folder / "objects")
        recordings: Any = MemoryRecordings(tables=Tables())
        self.playback = Playback(recordings=recordings)
        self.finder = FootageFinder(
            playback=self.playback, recordings=recordings, objects=self.objects, pull=Pull(address_of=lambda _: ""),
            addresses=NO_ADDRESSES, me="n1",
        )  # fmt: skip
        self.counting = Counting()
        stream_directory: Any = self
        self._serve = client
        self._routes = HlsRoutes(
            playback=self.playback, stream_directory=stream_directory, objects=self.objects, recordings=recordings,
            pull=Pull(address_of=lambda _: ""), want=lambda *given: self.wanted.append(given), me="n1",
            addresses=addresses, viewings=Viewings(), footage=self.finder.live_reel, players=self.counting.hls(),
            wall=lambda: WALL,
        )  # fmt: skip

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        return view(id=stream_id, visibility=self.visibility, ended_at=self.ended_at)

    async def open(self, *first: Operation) -> None:
        """``first``: other operations before those of the stream."""
        await self.counting.node.start()
        await self.playback.prepare(await self.view(STREAM, viewer=NOBODY))
        self.events = published(self.folder, 1, ends=False)
        for event in self.events:
            self.playback.packaged(Packaged(stream_id=STREAM, publication=1, event=event))
        self.segment = next(event for event in self.events if isinstance(event, SegmentReady))
        self.client = await self._serve(*first, *self._routes.operations())

    async def store(self) -> None:
        """The first segment becomes an object, and its live file goes."""
        event = stored(self.segment)
        await self.objects.put(event.object_key, Path(self.segment.path).read_bytes(), content_type="video/mp4")
        self.playback.packaged(Packaged(stream_id=STREAM, publication=1, event=event))
        self.playback.packaged(Packaged(stream_id=STREAM, publication=1, event=SegmentRemoved(name=self.segment.name)))
        Path(self.segment.path).unlink()


@pytest.fixture
async def fixture_node(tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> HlsFixture:
    made = HlsFixture(tmp_path, serve)
    await made.open()
    return made


async def test_a_segment_is_served_in_part_under_the_same_tag_live_and_recorded(fixture_node: HlsFixture) -> None:
    path = f"{BASE}/{fixture_node.segment.name}"
    whole = await (live := await fixture_node.client.get(path)).read()
    assert len(whole) == fixture_node.segment.size
    await fixture_node.store()
    recorded = await fixture_node.client.get(path)
    assert await recorded.read() == whole
    assert recorded.headers["ETag"] == live.headers["ETag"]
    part = await fixture_node.client.get(path, headers={"Range": "bytes=10-19", "If-Range": live.headers["ETag"]})
    assert (part.status, await part.read()) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert (await fixture_node.client.get(path, headers={"If-None-Match": f"W/{live.headers['ETag']}"})).status == 304


async def test_a_part_and_an_initialisation_are_served_in_part_too(fixture_node: HlsFixture) -> None:
    playlist = await (await fixture_node.client.get(f"{BASE}/video.m3u8")).text()
    names = [line.split('URI="')[1].split('"')[0] for line in playlist.splitlines() if "#EXT-X-PART:" in line]
    init = next(line.split('URI="')[1].split('"')[0] for line in playlist.splitlines() if "#EXT-X-MAP" in line)
    for name in (names[0], init):
        whole = await (await fixture_node.client.get(f"{BASE}/{name}")).read()
        part = await fixture_node.client.get(f"{BASE}/{name}", headers={"Range": "bytes=1-4"})
        assert (part.status, await part.read()) == (206, whole[1:5])


async def test_a_recording_is_played_under_signed_addresses_where_all_must_be(
    tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]]
) -> None:
    made = HlsFixture(tmp_path, serve, addresses=MediaAddresses(seals=NoSeals(), signs_all=True))
    await made.open()
    played = ("index.m3u8", "manifest.mpd", "video.m3u8", made.segment.name)

    async def statuses() -> set[int]:
        return {(await made.client.get(f"{BASE}/{name}")).status for name in played}

    assert await statuses() == {200}
    made.ended_at = dt.datetime.fromtimestamp(WALL - 599, dt.UTC)
    assert await statuses() == {200}, "who watched to the end goes on"
    made.ended_at = dt.datetime.fromtimestamp(WALL - 601, dt.UTC)
    assert await statuses() == {403}


async def test_a_file_that_has_gone_is_not_there(fixture_node: HlsFixture) -> None:
    await fixture_node.store()
    await fixture_node.objects.delete_prefix("o/")
    assert (await fixture_node.client.get(f"{BASE}/{fixture_node.segment.name}")).status == 404


BY_CDN = {"CDN-Loop": "a-cdn"}
SHARED = ["public", "unlisted"]


@pytest.mark.parametrize("visibility", [*SHARED, "private", "followers"])
async def test_only_what_everybody_may_see_is_for_shared_caches(fixture_node: HlsFixture, visibility: str) -> None:
    fixture_node.visibility = visibility
    picture = fixture_node.folder / "picture.webp"
    picture.write_bytes(b"RIFF")
    fixture_node.playback.pictured(Pictured(stream_id=STREAM, path=str(picture), at=0.0))
    given, targeted = {}, {}
    for name in ("index.m3u8", "video.m3u8", "manifest.mpd", "thumbnail.webp", fixture_node.segment.name):
        answer = await fixture_node.client.get(f"{BASE}/{name}")
        if name == "index.m3u8":
            assert "CDN-Cache-Control" not in answer.headers, "it is for one player"
            answer = await fixture_node.client.get(f"{BASE}/{name}", headers=BY_CDN)
        asked = BY_CDN if name == "index.m3u8" else {}
        again = await fixture_node.client.get(
            f"{BASE}/{name}", headers={"If-None-Match": answer.headers["ETag"], **asked}
        )
        assert (answer.status, again.status) == (200, 304), name
        for header in ("Cache-Control", "CDN-Cache-Control"):
            assert again.headers.get(header) == answer.headers.get(header)
        given[name] = answer.headers["Cache-Control"]
        if "CDN-Cache-Control" in answer.headers:
            targeted[name] = answer.headers["CDN-Cache-Control"]
    if visibility in SHARED:
        assert {given[name] for name in ("index.m3u8", "video.m3u8", "manifest.mpd")} == {"no-cache"}
        assert targeted == {"index.m3u8": "max-age=1", "video.m3u8": "max-age=1"}
        assert given[fixture_node.segment.name] == "public, max-age=31536000, immutable"
        assert given["thumbnail.webp"] == "public, max-age=2"
    else:
        assert set(given.values()) == {"private, no-cache"}
        assert not targeted


async def variants(fixture_node: HlsFixture, query: str = "", **headers: str) -> list[str]:
    answer = await fixture_node.client.get(f"{BASE}/index.m3u8{query}", headers=headers)
    text = await answer.text()
    listed = re.findall(r'URI="([^"]+)"', text) + [line for line in text.splitlines() if line and line[0] != "#"]
    assert listed
    return listed


async def test_a_player_is_counted_once_by_the_addresses_of_its_playlist(fixture_node: HlsFixture) -> None:
    first, second = await variants(fixture_node), await variants(fixture_node)
    assert all(name.endswith(".m3u8") for name in first)
    for name in (*first, *first, *second):
        assert (await fixture_node.client.get(f"{BASE}/{name}")).status == 200
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 2


@pytest.mark.parametrize("query", ["?view=socket", "?view=socket&dvr=1"])
async def test_who_is_counted_by_a_socket_gets_plain_addresses(fixture_node: HlsFixture, query: str) -> None:
    listed = await variants(fixture_node, query)
    assert not any("view=" in name for name in listed)
    assert await variants(fixture_node, CDN_Loop="x") != listed
    for name in listed:
        assert (await fixture_node.client.get(f"{BASE}/{name}")).status == 200
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 0


async def test_ids_that_no_node_made_for_the_stream_count_nobody_and_play_all_the_same(
    fixture_node: HlsFixture,
) -> None:
    other = fixture_node.counting.player_ids.make("01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a12")
    for forged in (other, "A" * 43, "%F0%9F%92%A9"):
        assert (await fixture_node.client.get(f"{BASE}/video.m3u8?view={forged}")).status == 200
    assert (await fixture_node.client.get(f"{BASE}/video.m3u8?view={'A' * 65}")).status == 422
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 0


async def test_a_player_that_has_the_playlist_keeps_its_id(fixture_node: HlsFixture) -> None:
    answer = await fixture_node.client.get(f"{BASE}/index.m3u8")
    tag = answer.headers["ETag"]
    again = await fixture_node.client.get(f"{BASE}/index.m3u8", headers={"If-None-Match": tag})
    assert (again.status, again.headers["ETag"]) == (304, tag)


async def test_a_picture_that_is_not_there_yet_is_an_empty_answer_to_who_asks_so(fixture_node: HlsFixture) -> None:
    assert (await fixture_node.client.get(f"{BASE}/thumbnail.webp")).status == 404
    answer = await fixture_node.client.get(f"{BASE}/thumbnail.webp?optional=1")
    assert (answer.status, answer.headers["Cache-Control"]) == (204, "no-store")
    await fixture_node.objects.put(f"streams/{STREAM}/thumbnail.webp", b"RIFFWEBP", content_type="image/webp")
    assert (await fixture_node.client.get(f"{BASE}/thumbnail.webp?optional=1")).status == 200


async def test_a_recorded_picture_has_a_tag(fixture_node: HlsFixture) -> None:
    await fixture_node.objects.put(f"streams/{STREAM}/thumbnail.webp", b"RIFFWEBP", content_type="image/webp")
    first = await fixture_node.client.get(f"{BASE}/thumbnail.webp")
    assert await first.read() == b"RIFFWEBP"
    tag = first.headers["ETag"]
    assert (
        await fixture_node.client.get(f"{BASE}/thumbnail.webp", headers={"If-None-Match": f'"x", {tag}'})
    ).status == 304


async def test_a_request_for_a_rendition_that_is_made_on_demand_is_told_and_one_for_the_source_is_not(
    fixture_node: HlsFixture,
) -> None:
    plan = PlannedRendition(name="480p", codec="avc1.4d401f", bitrate=1_200_000, width=854, height=480, fps=30.0)
    planned = RenditionsPlanned(publication=1, renditions=(plan,))
    fixture_node.playback.packaged(Packaged(stream_id=STREAM, publication=1, event=planned))

    async def status(path: str) -> int:
        async with fixture_node.client.get(f"{BASE}/{path}") as answer:
            await answer.read()
            return answer.status

    assert [await status(path) for path in ("index.m3u8", "video.m3u8")] == [200, 200]
    assert fixture_node.wanted == []
    assert [await status(path) for path in ("480p/1/3.m4s", "manifest.mpd")] == [404, 200]
    assert fixture_node.wanted == [(STREAM, 0)], "once a second is enough"


async def test_an_i_frame_playlist_is_found_from_the_multivariant_one(fixture_node: HlsFixture) -> None:
    master = await (await fixture_node.client.get(f"{BASE}/index.m3u8?dvr=1")).text()
    line = next(line for line in master.splitlines() if "I-FRAME-STREAM-INF" in line)
    uri = line.split('URI="')[1].rstrip('"')
    answer = await fixture_node.client.get(f"{BASE}/{uri}")
    text = await answer.text()
    assert "#EXT-X-I-FRAMES-ONLY" in text
    size = int(text.split("#EXT-X-BYTERANGE:")[1].split("@")[0])
    key = await fixture_node.client.get(f"{BASE}/{fixture_node.segment.name}", headers={"Range": f"bytes=0-{size - 1}"})
    assert (key.status, len(await key.read())) == (206, size)
    assert (await fixture_node.client.get(f"{BASE}/audio.m3u8?iframes=1")).status == 404


class Said:
    """``StreamCues`` of one stream with one cue in English."""

    async def languages(self, stream_id: str) -> list[str]:
        return ["en"]

    async def window(self, stream_id: str) -> Window:
        return Window(begin_ms=200)

    async def between(self, stream_id: str, language: str, *, from_ms: int = 0, to_ms: int = 2**53) -> list[StoredCue]:
        cue = StoredCue(from_ms=500, to_ms=1_000, text="Hello")
        return [cue] if (stream_id, language) == (STREAM, "en") and from_ms < 1_000 and to_ms > 500 else []


async def test_captions_are_announced_and_served_as_the_pictures_are_cut(
    tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]]
) -> None:
    made, said = HlsFixture(tmp_path, serve), Said()
    made._routes._languages = said.languages
    captions: Any = CaptionMedia(hls=made._routes, cues=cast(Any, said))
    await made.open(*captions.operations())

    async def text(path: str) -> str:
        answer = await made.client.get(f"{BASE}/{path}")
        assert answer.status == 200, path
        return await answer.text()

    assert 'LANGUAGE="en"' in await text("index.m3u8")
    pictures = [line for line in (await text("video.m3u8")).splitlines() if line.startswith("#EXTINF")]
    playlist = await text("captions/en.m3u8")
    assert [line for line in playlist.splitlines() if line.startswith("#EXTINF")] == pictures
    first = next(line for line in playlist.splitlines() if line.endswith(".vtt"))
    assert "Hello" in await text(f"captions/{first}")
    assert "00:00:00.300 --> 00:00:00.800\nHello" in await text("captions/en.vtt"), "by the clock of what is left"
    assert 'lang="en"' in await text("manifest.mpd")
    piece = await made.client.get(f"{BASE}/captions/{first.replace('.vtt', '.m4s')}")
    assert (piece.status, piece.content_type) == (200, "application/mp4")
    assert b"Hello" in await piece.read()
    assert b"wvtt" in await (await made.client.get(f"{BASE}/captions/en/init.mp4")).read()
    for path in (
        "captions/de.vtt",
        "captions/en/999.vtt",
        "captions/EN.vtt",
        "captions/en/x.vtt",
        "captions/en/999.m4s",
    ):
        assert (await made.client.get(f"{BASE}/{path}")).status == 404, path


async def location(fixture_node: HlsFixture, address: str, **headers: str) -> str | None:
    """Where a manifest says that it is to be asked for again."""
    answer = await fixture_node.client.get(f"{BASE}/{address}", headers=headers)
    assert answer.status == 200
    space = {"d": "urn:mpeg:dash:schema:mpd:2011"}
    found = ElementTree.fromstring(await answer.text()).find("d:Location", space)
    return None if found is None else found.text


@pytest.mark.parametrize("query", ["", "?dvr=1"])
async def test_a_dash_player_is_counted_by_the_address_at_which_it_asks_again(
    fixture_node: HlsFixture, query: str
) -> None:
    again = await location(fixture_node, f"manifest.mpd{query}")
    assert again is not None
    assert ("dvr=1" in again) == bool(query)
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 0
    for _ in range(2):
        assert await location(fixture_node, again) == again
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 1


async def test_a_manifest_for_a_socket_or_a_cdn_or_with_a_forged_id_has_no_address_of_its_own(
    fixture_node: HlsFixture,
) -> None:
    assert await location(fixture_node, "manifest.mpd?view=socket") is None
    assert await location(fixture_node, "manifest.mpd", **{"CDN-Loop": "x"}) is None
    assert await location(fixture_node, f"manifest.mpd?view={'A' * 43}") is None
    await fixture_node.counting.clock.advance(1.0)
    assert await fixture_node.counting.viewers(STREAM) == 0
