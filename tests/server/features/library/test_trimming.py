"""A trimmed video: what stays is played from the first picture that was asked for to the last."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urljoin

import av
import pytest

from media.vod.messages import Order, Report, SourceBounds
from media.vod.trimming import trimmed
from media.vod.worker import obey
from server.features.videos.library.encoding import VideoEncoder
from server.features.videos.library.trimming import Trimmer
from tests.media.vod.films import film
from tests.server.features.library.conftest import Studio
from tests.server.jobs.inline import run_due


async def in_process(order: Order) -> AsyncGenerator[Report]:
    for report in obey(order):
        yield report


async def no_poster(*_: object) -> None:
    """It is made later, in ``test_posters``."""


async def no_picture(*_: object) -> bytes | None:
    return None


async def worked(studio: Studio) -> None:
    """The jobs of videos, with their encoders in this process."""
    platform = studio.kit.platform()
    common: dict[str, Any] = {
        "db": platform.db,
        "objects": platform.objects,
        "publish": platform.publish,
        "now": platform.now,
        "carry_out": in_process,
    }
    bounds = SourceBounds(streams=4, pixels=10**6, seconds=60)
    uploads = studio.kit.install().uploads
    encoder = VideoEncoder(originals=uploads, bounds=bounds, at_once=1, take=no_picture, ask_poster=no_poster, **common)
    await run_due(studio.kit.database, encoder.job, Trimmer(**common).job)


async def pictures(studio: Studio, index: str, rendition: str) -> list[tuple[float, int]]:
    """Time and grey of each picture."""
    _, body, _ = await studio.get(urljoin(index, f"{rendition}.m3u8"))
    names = [line.split('"')[1] for line in body.decode().splitlines() if line.startswith("#EXT-X-MAP")]
    names += [line for line in body.decode().splitlines() if line.endswith(".m4s")]
    data = b"".join([(await studio.get(urljoin(index, name)))[1] for name in names])
    with av.open(io.BytesIO(data)) as container:
        return [(round(frame.time or 0, 2), bytes(frame.planes[0])[0]) for frame in container.decode(video=0)]


async def seconds_of_sound(studio: Studio, index: str) -> float:
    _, body, _ = await studio.get(urljoin(index, "audio.m3u8"))
    return sum(float(line[8:-1]) for line in body.decode().splitlines() if line.startswith("#EXTINF"))


async def test_what_was_asked_for_stays_to_the_picture_and_can_be_trimmed_again(studio: Studio) -> None:
    video = await studio.made(film(seconds=10, fps=5))
    path = f"/videos/{video['id']}"
    assert (await studio.call("POST", f"{path}/trim", json={"from_ms": 0, "to_ms": 9}))[0] == 422
    status, problem = await studio.call("POST", f"{path}/trim", json={"from_ms": 0, "to_ms": 9000})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "not-ready")
    await worked(studio)
    status, answer = await studio.call("POST", f"{path}/trim", json={"from_ms": 1000, "to_ms": 9000})
    assert (status, answer["video"]["state"]) == (202, "processing")
    assert answer["video"]["playback"]["hls"] is not None
    assert (await studio.call("POST", f"{path}/trim", json={"from_ms": 0, "to_ms": 9000}))[0] == 409
    await worked(studio)

    _, video = await studio.call("GET", path)
    assert (video["state"], video["duration_ms"]) == ("ready", 8000)
    index = video["playback"]["hls"]
    shown = await pictures(studio, index, "90p")
    assert len(shown) == 40
    assert shown[-1][0] - shown[0][0] == pytest.approx(7.8, abs=0.05)
    assert [grey for _, grey in shown] == pytest.approx([64 + 2 * number for number in range(5, 45)], abs=4)
    assert await seconds_of_sound(studio, index) == pytest.approx(8, abs=0.05)
    rows = await studio.kit.database.fetch("select number, object_key from video_segments where rendition = '90p'")
    assert [row["object_key"].split("/")[2] for row in sorted(rows, key=lambda row: row["number"])] == ["2", "1", "2"]

    assert (await studio.call("POST", f"{path}/trim", json={"from_ms": 1000, "to_ms": 2000}))[0] == 202
    await worked(studio)
    _, video = await studio.call("GET", path)
    shown = await pictures(studio, video["playback"]["hls"], "90p")
    assert [grey for _, grey in shown] == pytest.approx([64 + 2 * number for number in range(10, 15)], abs=4)


async def test_who_may_trim_what(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    await studio.kit.database.execute("update videos set edition = 1, state = 'ready', duration_ms = 2000")
    path = f"/videos/{video['id']}/trim"
    assert (await studio.call("POST", path, studio.bob, json={"from_ms": 0, "to_ms": 1000}))[0] == 403
    for body in ({"from_ms": 0, "to_ms": 3000}, {"from_ms": 1000, "to_ms": 1200}, {"from_ms": -1, "to_ms": 1000}):
        assert (await studio.call("POST", path, json=body))[0] == 422
    await studio.kit.database.execute("update videos set state = 'failed'")
    assert (await studio.call("POST", path, json={"from_ms": 0, "to_ms": 1000}))[0] == 409


def test_nothing_stays_of_a_segment_outside_of_the_time() -> None:
    assert trimmed(b"", number=0, start=0, stop=10) is None
