"""Slates: their endless units, and what becomes of them when publishers go and come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from media.control import Flushed, Progress, PublishEnded, PublishStarted
from media.errors import PublishRefused
from media.hls.events import PartReady, RunEnded, RunStarted, SegmentReady
from media.run import describe
from media.slate import FEW_GROUPS, SlateGroups, SlateShown, SlateUnits, shown_in_place_of
from media.transcode.messages import SlateShape
from media.unit import Codec, Track, Unit
from tests.media.hls.sources import AUDIO, VIDEO, mixed, pictures, sounds
from tests.media.test_plane import Studio, feed, grant

TRACKS = (describe(VIDEO), describe(AUDIO))
GROUP = VIDEO, pictures(2, fps=12, gop=24)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    made = Studio(tmp_path)
    yield made
    await made.plane.close("over")


def show(studio: Studio, publication: int, **fields: Any) -> None:
    tracks = fields.pop("tracks", TRACKS)
    studio.plane.show_slate(grant(publication=publication, is_slate=True, **fields), tracks, for_s=60.0)


async def shown(studio: Studio, publication: int) -> None:
    """Until something of this slate is there."""
    async with asyncio.timeout(20):
        while not any(event.publication == publication for event in studio.events(RunStarted)):  # noqa: ASYNC110
            await asyncio.sleep(0)


# -------------------------------------------------------------------------------------------------------- the units


def test_a_slate_goes_on_in_real_time_with_a_key_frame_every_two_seconds() -> None:
    units = SlateUnits(group=GROUP, channels=2, media_time_ms=10_000)
    given = [unit for elapsed in range(60) for unit in units.until(elapsed / 10, at=1.0)]
    video = [unit for unit in given if unit.kind == "video"]
    assert [unit.pts for unit in video] == [900_000 + 7_500 * n for n in range(len(video))]
    assert [n for n, unit in enumerate(video) if unit.is_key] == [0, 24, 48]
    audio = [unit.pts for unit in given if unit.kind == "audio"]
    assert audio == [480_000 + 1_024 * n for n in range(len(audio))]
    assert len(video) == 71
    assert abs(audio[-1] / 48_000 - video[-1].pts / 90_000) < 0.1


def test_a_stream_of_sound_alone_has_silence_for_a_slate() -> None:
    units = SlateUnits(group=None, channels=1, media_time_ms=0)
    assert {unit.kind for unit in units.until(1.0, at=1.0)} == {"audio"}
    assert [track.channels for track in units.tracks] == [1]


def test_the_slate_has_the_shape_of_the_picture_in_whose_place_it_stands() -> None:
    assert shown_in_place_of(TRACKS) == SlateShown(video=SlateShape(1280, 720, "main"), channels=2)
    assert shown_in_place_of([TRACKS[1]]) == SlateShown(video=None, channels=2)


@pytest.mark.parametrize("codec", [Codec.HEVC, Codec.AV1, Codec.VP9])
def test_nothing_stands_in_place_of_pictures_that_are_not_packaged_as_h264(codec: Codec) -> None:
    assert shown_in_place_of([{**TRACKS[0], "codec": str(codec)}, TRACKS[1]]).is_nothing


# ------------------------------------------------------------------------------------------------------- the groups


class Encodes:
    def __init__(self) -> None:
        self.asked: list[tuple[SlateShape, bytes]] = []

    async def slate(self, shape: SlateShape, picture: bytes) -> tuple[Track, list[Unit]] | None:
        self.asked.append((shape, picture))
        return None if picture == b"broken" else GROUP


async def read(key: str) -> bytes | None:
    return {"mine": b"webp", "bad": b"broken"}.get(key)


async def test_a_group_is_made_once_and_few_are_held() -> None:
    encodes = Encodes()
    groups = SlateGroups(codecs=encodes, read=read)
    first, second = SlateShape(1280, 720, "main"), SlateShape(640, 360, "main")
    for shape in (first, second, first, second):
        assert await groups.group(shape, "") == GROUP
    assert len(encodes.asked) == 2
    for width in range(FEW_GROUPS):
        await groups.group(SlateShape(width, 2, "main"), "")
    await groups.group(first, "")
    assert len(encodes.asked) == 2 + FEW_GROUPS + 1


@pytest.mark.parametrize(("key", "asked"), [("mine", [b"webp"]), ("bad", [b"broken", b""]), ("gone", [b""])])
async def test_our_picture_is_shown_where_the_streamers_own_cannot_be(key: str, asked: list[bytes]) -> None:
    encodes = Encodes()
    assert await SlateGroups(codecs=encodes, read=read).group(SlateShape(2, 2, "main"), key) == GROUP
    assert [picture for _, picture in encodes.asked] == asked


# -------------------------------------------------------------------------------------------------------- the plane


async def test_a_slate_is_packaged_after_what_was_published_and_is_no_publisher(studio: Studio) -> None:
    run = studio.publish()
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(3), sounds(3)))
    run.close("gone")
    await studio.until(Flushed)
    show(studio, 2, first_segment=3, media_time_ms=3_000)
    await shown(studio, 2)
    assert [event.stands_in for event in studio.events(RunStarted)] == [False, True]
    assert [said.publication for said in studio.of(PublishStarted)] == [1]
    studio.plane.stop("s", publication=2, reason="ended")
    await studio.until(Flushed, 2)
    (segment, _) = [event for event in studio.events(SegmentReady) if event.publication == 2]
    assert (segment.segment, segment.media_time) == (3, 270_000)
    assert [said.is_slate for said in studio.of(Progress) if said.publication == 2] == [True]


async def test_the_slate_goes_on_until_the_media_of_the_publisher_is_there(studio: Studio) -> None:
    show(studio, 2, first_segment=3, media_time_ms=3_000)
    await shown(studio, 2)
    back = studio.publish(publication=3, first_segment=1, media_time_ms=0)
    assert not studio.of(PublishEnded)
    back.configure([VIDEO, AUDIO])
    assert studio.events(RunEnded)[-1].publication == 2
    assert back.media_time_ms >= 3_000
    await feed(back, *mixed(pictures(3), sounds(3)))
    parts = [event for event in studio.events(PartReady) if event.publication == 3]
    assert parts[0].segment == 4, "the slate has begun segment 3"
    assert studio.plane.get("s") is back


async def test_a_publisher_that_sends_nothing_leaves_the_slate_as_it_was(studio: Studio) -> None:
    show(studio, 2)
    await shown(studio, 2)
    slate = studio.plane.get("s")
    studio.publish(publication=3).close("nothing was sent")
    assert studio.plane.get("s") is slate
    show(studio, 4)
    assert [said.publication for said in await studio.until(PublishEnded, 2)] == [3, 2], "one slate at a time"


@pytest.mark.parametrize("end", ["stop", "forget"])
async def test_what_ends_the_stream_ends_a_slate_that_waits_for_its_publisher(studio: Studio, end: str) -> None:
    show(studio, 2)
    await shown(studio, 2)
    studio.publish(publication=3)
    if end == "stop":
        studio.plane.stop("s", publication=3, reason="ended")
    else:
        studio.plane.forget("s")
    assert 2 in [said.publication for said in await studio.until(PublishEnded)]


async def test_a_slate_that_cannot_be_made_is_reported_as_ended(studio: Studio) -> None:
    show(studio, 2, tracks=[{**TRACKS[0], "codec": "hevc"}])
    (ended,) = await studio.until(PublishEnded)
    assert (ended.publication, ended.reason) == (2, "there is no slate for it")


async def test_no_slate_covers_a_publisher_that_is_there(studio: Studio) -> None:
    run = studio.publish(publication=3)
    show(studio, 2)
    assert [said.publication for said in studio.of(PublishEnded)] == [2]
    assert studio.plane.get("s") is run


# --------------------------------------------------------------------------------------------------------- take-over


async def test_a_publisher_that_takes_over_ends_the_first_one_and_goes_on_where_that_got_to(studio: Studio) -> None:
    first = studio.publish()
    first.configure([VIDEO, AUDIO])
    await feed(first, *mixed(pictures(5), sounds(5)))
    stopped: list[str] = []
    first.on_stop(stopped.append)
    second = studio.publish(publication=2, takes_over=True, first_segment=1)
    assert stopped == ["another publisher has taken over"]
    assert (second.grant.first_segment, second.media_time_ms > 4_900) == (first.next_segment, True)
    with pytest.raises(PublishRefused):
        studio.publish(publication=3)


def test_the_grant_for_a_slate_crosses_the_channel() -> None:
    given = grant(is_slate=True, has_slate=True, slate_picture="pictures/1/1920.webp")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(given), type=type(given)) == given


async def test_the_streamers_own_picture_is_shown_that_was_theirs_when_they_last_published(tmp_path: Path) -> None:
    studio = Studio(tmp_path, read_picture=read)
    run = studio.publish(has_slate=True, slate_picture="mine")
    run.configure([VIDEO, AUDIO])
    await feed(run, *mixed(pictures(3), sounds(3)))
    run.close("gone")
    show(studio, 2, first_segment=3, media_time_ms=3_000)
    await shown(studio, 2)
    assert [picture for _, picture in studio.codecs.slates] == [b"webp"]
    await studio.plane.close("over")
