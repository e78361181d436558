"""Storyboards: when each picture is shown, where it is on its sheet, and what it shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient
from PIL import Image

from actors.events import StreamView
from media.hls.events import InitReady, SegmentReady
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.pictures.messages import MakeSheet
from media.pictures.reencoder import Reencoder
from server.http.errors import Problem
from server.live.storyboards import (
    MAX_WAITING,
    ON_SHEET,
    RecordedMoments,
    StoryboardRoutes,
    Storyboards,
    at_moment,
    webvtt,
)
from server.live.stream_directory import shown
from server.live.viewings import NOBODY, Viewer
from storage.objects import LocalObjects
from storage.recording import WHOLE, Segment, Window
from tests.media.hls.sources import encode, live
from tests.server.live.test_hls import view
from tests.server.live.test_hls_http import NO_ADDRESSES, STREAM

BASE = f"/hls/{STREAM}"


def row(at_ms: int, *, duration_ms: float = 2_000, key: str = "t/1.m4s", init: str = "t/init.mp4") -> Segment:
    return Segment(
        rendition="video", segment=at_ms, publication=1, object_key=key, init_key=init, init_name="i",
        media_time_ms=at_ms, duration_ms=duration_ms, bytes=1, started_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )  # fmt: skip


@dataclass
class Rows:
    """``Recordings`` as far as storyboards ask it."""

    rows: list[Segment] = field(default_factory=list)
    trimmed: Window = WHOLE

    async def window(self, stream_id: str) -> Window:
        return self.trimmed

    async def extent_ms(self, stream_id: str) -> tuple[float, float] | None:
        last = self.rows[-1] if self.rows else None
        return None if last is None else (self.rows[0].media_time_ms, last.media_time_ms + last.duration_ms)

    async def between(self, stream_id: str, *, from_ms: int, to_ms: int, limit: int) -> list[Segment]:
        return [one for one in self.rows if from_ms <= one.media_time_ms < to_ms][:limit]


@dataclass
class Sheets:
    """Takes orders as the worker does."""

    orders: list[MakeSheet] = field(default_factory=list)

    async def make(self, order: MakeSheet) -> bytes:
        self.orders.append(order)
        return b"sheet %d" % len(self.orders)


def boards(rows: object, objects: LocalObjects, make: Callable[[MakeSheet], Awaitable[bytes]]) -> Storyboards:
    return Storyboards(recordings=cast(Any, rows), objects=objects, sheet=make)


@pytest.fixture
async def objects(tmp_path: Path) -> LocalObjects:
    made = LocalObjects(root=tmp_path / "objects")
    for name in ("1.m4s", "init.mp4"):
        await made.put(f"t/{name}", b"x", content_type="video/mp4")
    return made


def test_each_picture_has_a_cue_and_its_place_on_a_sheet() -> None:
    cues = webvtt(ON_SHEET + 7).split("\n\n")
    assert cues[0] == "WEBVTT"
    assert cues[1] == "00:00:00.000 --> 00:00:10.000\nstoryboard/0-25.webp#xywh=0,0,160,90"
    assert cues[8] == "00:01:10.000 --> 00:01:20.000\nstoryboard/0-25.webp#xywh=320,90,160,90"
    assert cues[-1].strip() == "00:05:10.000 --> 00:05:20.000\nstoryboard/1-7.webp#xywh=160,90,160,90"
    assert len(cues) == 1 + ON_SHEET + 7
    assert "11:59:50.000 --> 12:00:00.000" in webvtt(4_320)


def test_a_moment_is_shown_by_the_segment_that_plays_or_the_first_after_a_pause() -> None:
    rows = [row(8_000), row(10_000), row(17_000), row(33_000)]
    assert at_moment(rows, 10_000) == rows[1]
    assert at_moment(rows, 9_999) == rows[0]
    assert at_moment(rows, 12_500) == rows[2]
    assert at_moment(rows, 20_000) is None


async def test_whole_sheets_are_made_once_and_kept_with_the_recording(objects: LocalObjects) -> None:
    rows, sheets = Rows([row(at * 2_000) for at in range(5 * ON_SHEET)]), Sheets()
    made = await boards(rows, objects, sheets.make).sheet("s", 0, ON_SHEET)
    assert [made, await boards(rows, objects, sheets.make).sheet("s", 0, ON_SHEET)] == [b"sheet 1"] * 2
    assert await objects.size(f"streams/s/storyboard/0-{ON_SHEET}.webp") == len(b"sheet 1")
    assert len(sheets.orders) == 1
    assert None not in sheets.orders[0].frames


async def test_the_last_sheet_grows_and_an_address_of_before_leads_to_all_of_it(objects: LocalObjects) -> None:
    rows, sheets = Rows([row(at * 2_000) for at in range(5 * ON_SHEET)]), Sheets()
    storyboards = boards(rows, objects, sheets.make)
    rows.rows = rows.rows[:10]  # twenty seconds
    assert await storyboards.sheet("s", 0, 2) == await storyboards.sheet("s", 0, 2) == b"sheet 1"
    assert await storyboards.sheet("s", 0, 3) is None
    rows.rows += [row(at * 2_000) for at in range(10, 5 * ON_SHEET + 1)]
    assert await storyboards.sheet("s", 0, 2) == await storyboards.sheet("s", 0, ON_SHEET) == b"sheet 2"
    assert await storyboards.sheet("s", 1, 1) == b"sheet 3"
    kept = [key async for key, _ in objects.listed() if key.startswith("streams/")]
    assert kept == [f"streams/s/storyboard/0-{ON_SHEET}.webp"]


async def test_a_segment_that_has_gone_leaves_its_place_empty(objects: LocalObjects) -> None:
    sheets = Sheets()
    rows = Rows([row(0), row(10_000, key="t/gone.m4s"), row(20_000, init="t/gone.mp4")])
    await boards(rows, objects, sheets.make).sheet("s", 0, 3)
    assert [frame is None for frame in sheets.orders[0].frames] == [False, True, True]


async def test_too_many_at_once_are_told_to_come_again(objects: LocalObjects) -> None:
    storyboards = boards(Rows([row(0)]), objects, Sheets().make)
    storyboards._waiting = MAX_WAITING
    with pytest.raises(Problem) as refusal:
        await storyboards.sheet("s", 0, 1)
    assert refusal.value.status == 503


@dataclass
class Seen:
    visibility: str = "public"

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        return view(id=stream_id, visibility=self.visibility)


async def test_a_recording_is_shown_by_its_key_frames(
    tmp_path: Path, serve: Callable[..., Awaitable[TestClient[Any, Any]]], objects: LocalObjects
) -> None:
    encoded = encode(seconds=13)
    muxer = Muxer(folder=RunFolder(path=tmp_path / "run"), publication=1)
    rows = Rows()
    for event in muxer.feed(live(*encoded.tracks, units=encoded.units)):
        if isinstance(event, InitReady | SegmentReady) and event.rendition == "video":
            await objects.put(f"t/{event.name}", Path(event.path), content_type="video/mp4")
        if isinstance(event, SegmentReady) and event.rendition == "video":
            lasts_ms = event.duration_s * 1000
            rows.rows.append(
                row(event.media_time_ms, duration_ms=lasts_ms, key=f"t/{event.name}", init=f"t/{event.init}")
            )
    seen, moments = Seen(), RecordedMoments(cast(Any, rows))
    routes = StoryboardRoutes(
        storyboards=boards(moments, objects, Reencoder(max_pixels=1_000_000).sheet),
        moments=moments,
        views=seen,
        addresses=NO_ADDRESSES,
    )
    client = await serve(*routes.operations())
    cues = await (await client.get(f"{BASE}/storyboard.vtt")).text()
    address = next(line for line in cues.splitlines() if line.startswith("storyboard/")).partition("#")[0]
    answer = await client.get(f"{BASE}/{address}")
    assert (answer.status, answer.content_type) == (200, "image/webp")
    assert "immutable" in answer.headers["Cache-Control"]
    sheet = Image.open(BytesIO(await answer.read())).convert("RGB")
    assert sheet.size == (800, 90)
    for place in (0, 1):
        colours = sheet.crop((place * 160 + 20, 0, place * 160 + 140, 90)).getextrema()
        assert any(most > 60 for _, most in cast(Any, colours)), "a picture"
    assert all(most < 16 for _, most in cast(Any, sheet.crop((330, 0, 800, 90)).getextrema())), "no picture yet"
    seen.visibility = "private"
    assert "private" in (await client.get(f"{BASE}/{address}")).headers["Cache-Control"]
    assert (await client.get(f"{BASE}/storyboard/9-25.webp")).status == 404

    rows.trimmed = Window(begin_ms=9_000, end_ms=None, edition=3)
    cues = await (await client.get(f"{BASE}/storyboard.vtt")).text()
    assert "storyboard/0-1-3.webp#xywh=0,0" in cues, "what is left is shorter, and has addresses of its own"
    assert (await client.get(f"{BASE}/{address}")).status == 404
    answer = await client.get(f"{BASE}/storyboard/0-1-3.webp")
    sheet = Image.open(BytesIO(await answer.read())).convert("RGB")
    assert any(most > 60 for _, most in cast(Any, sheet.crop((20, 0, 140, 90)).getextrema())), "a picture"


def test_a_stream_that_is_recorded_names_its_storyboard() -> None:
    recorded, passing = view(id=STREAM, is_recorded=True), view(id=STREAM, is_recorded=False)
    assert shown(recorded, addresses=NO_ADDRESSES, viewer=NOBODY)["playback"]["storyboard"] == f"{BASE}/storyboard.vtt"
    assert shown(passing, addresses=NO_ADDRESSES, viewer=NOBODY)["playback"]["storyboard"] is None
