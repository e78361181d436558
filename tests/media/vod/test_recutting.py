"""The pictures of one segment, cut where no key frame is."""

from __future__ import annotations

import io
from pathlib import Path

import av
import msgspec
import pytest

from media.hls.cmaf import BadSegment, read_init, track_of
from media.hls.fmp4 import SEGMENT_TYPE, Sample, chunk, init_segment
from media.vod.messages import EncodeSpan, LaneMade, SegmentMade
from media.vod.parameter_sets import free_id, joined
from media.vod.worker import obey
from tests.media.hls.sources import encode

AT = 90_000 * 7
"""Where the segment begins on the media clock."""
FRAME = 3_000


def segment_at(begin: int) -> tuple[bytes, bytes]:
    """Two seconds of pictures that refer to later ones, from this time on: an initialisation and a segment."""
    made = encode(audio_codec=None, seconds=2, options={"bf": "2", "b_strategy": "0", "preset": "veryfast"})
    (track,), units = made.tracks, made.units
    first = min(unit.pts for unit in units)
    samples = [Sample(begin + u.dts - first, begin + u.pts - first, FRAME, u.is_key, u.data) for u in units]
    return init_segment(track), SEGMENT_TYPE + chunk(1, samples)


@pytest.fixture(scope="module")
def segment() -> bytes:
    return b"".join(segment_at(AT))


def cut(folder: Path, segment: bytes, start: int, stop: int) -> tuple[LaneMade, SegmentMade] | None:
    path = folder / "segment.mp4"
    path.write_bytes(segment)
    order = EncodeSpan(
        path=str(path), seconds=2, number=3, timescale=90_000, width=160, height=96, fps=30, profile=100, level=11,
        set_id=31, delay=2 * FRAME, start=start, stop=stop,
    )  # fmt: skip
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


def test_one_record_decodes_what_two_encoders_made(tmp_path: Path, segment: bytes) -> None:
    found = cut(tmp_path, segment, AT + 50 * FRAME, AT + 60 * FRAME)
    assert found is not None
    lane, made = found
    whole = track_of(read_init(segment))
    assert free_id(whole.config) == 31
    both = joined(whole.config, track_of(read_init(lane.init)).config)
    assert (both[:5], free_id(both)) == (whole.config[:5], 30)
    init = init_segment(msgspec.structs.replace(whole, config=both))
    shown = pictures(init + made.data + segment_at(AT + 60 * FRAME)[1])
    assert [pts for pts, _ in shown] == [AT + number * FRAME for number in range(50, 120)]
    assert [dark for _, dark in shown] == pytest.approx([*range(50, 60), *range(60)], abs=2)
    for broken in (b"", whole.config[:9], whole.config[:5] + bytes([0xE1, 9, 9])):
        with pytest.raises(BadSegment):
            free_id(broken)


def test_of_a_time_without_pictures_nothing_is_made(tmp_path: Path, segment: bytes) -> None:
    assert cut(tmp_path, segment, AT - 900, AT - 100) is None
