"""The pictures of one segment, cut where no key frame is."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from media.hls.fmp4 import SEGMENT_TYPE, Sample, chunk, init_segment
from media.vod.messages import EncodeSpan, LaneMade, SegmentMade
from media.vod.worker import obey
from tests.media.hls.sources import encode

AT = 90_000 * 7
"""Where the segment begins on the media clock."""
FRAME = 3_000


@pytest.fixture(scope="module")
def segment() -> bytes:
    """Two seconds of pictures that refer to later ones."""
    made = encode(audio_codec=None, seconds=2, options={"bf": "2", "b_strategy": "0", "preset": "veryfast"})
    (track,), units = made.tracks, made.units
    assert any(unit.pts != unit.dts for unit in units)
    first = min(unit.pts for unit in units)
    samples = [Sample(AT + u.dts - first, AT + u.pts - first, FRAME, u.is_key, u.data) for u in units]
    return init_segment(track) + SEGMENT_TYPE + chunk(1, samples)


def cut(folder: Path, segment: bytes, start: int, stop: int) -> tuple[LaneMade, SegmentMade] | None:
    path = folder / "segment.mp4"
    path.write_bytes(segment)
    order = EncodeSpan(
        path=str(path), seconds=2, number=3, timescale=90_000, width=160, height=96, fps=30, start=start, stop=stop
    )
    lane, made, *_ = [*obey(order), None]
    return (lane, made) if isinstance(lane, LaneMade) and isinstance(made, SegmentMade) else None


def pictures(data: bytes) -> list[tuple[int, int]]:
    """When each is shown, and how dark its first colour is: the source counts up."""
    with av.open(io.BytesIO(data)) as container:
        return [(frame.pts or 0, bytes(frame.planes[1])[0]) for frame in container.decode(video=0)]


def test_a_segment_is_cut_to_the_picture_though_pictures_refer_to_later_ones(tmp_path: Path, segment: bytes) -> None:
    found = cut(tmp_path, segment, AT + 10 * FRAME + 500, AT + 40 * FRAME)
    assert found is not None
    lane, made = found
    assert (made.number, made.start, made.duration) == (3, AT + 10 * FRAME + 500, 30 * FRAME - 500)
    assert 0 < made.key_bytes < len(made.data)
    shown = pictures(lane.init + made.data)
    assert [pts for pts, _ in shown] == [AT + 10 * FRAME + 500, *(AT + number * FRAME for number in range(11, 40))]
    assert [dark for _, dark in shown] == pytest.approx(range(10, 40), abs=2), "from the one that is shown then"


def test_of_a_time_without_pictures_nothing_is_made(tmp_path: Path, segment: bytes) -> None:
    assert cut(tmp_path, segment, AT - 900, AT - 100) is None
