"""What a channel plays when, and its items read as units."""

from __future__ import annotations

import msgspec
import pytest

from media.hls.cmaf import BadSegment, read_init, track_of
from media.hls.fmp4 import Sample, chunk, init_segment
from media.pull.playout_items import ItemTimes, Playout, PlayoutItem, Spot, spot_at
from media.unit import Codec, Track
from tests.media.hls.sources import AUDIO, VIDEO

LENGTHS = (10_000, 5_000, 20_000)
OPUS_HEAD = b"OpusHead" + bytes([1, 2]) + (312).to_bytes(2, "little") + (48_000).to_bytes(4, "little") + bytes(3)
OPUS = Track(kind="audio", codec=Codec.OPUS, timescale=48_000, config=OPUS_HEAD, sample_rate=48_000, channels=2)


def playout(*lengths: int, loops: bool = True) -> Playout:
    items = tuple(PlayoutItem(kind="clip", id=str(at), duration_ms=length) for at, length in enumerate(lengths))
    return Playout(items=items, starts_at=1_000.0, loops=loops)


@pytest.mark.parametrize(
    ("at", "spot"),
    [
        (900.0, Spot(0, 0)), (1_000.0, Spot(0, 0)), (1_009.999, Spot(0, 9_999)), (1_010.0, Spot(1, 0)),
        (1_034.0, Spot(2, 19_000)), (1_035.0, Spot(0, 0)), (1_000.0 + 35 * 1_000 + 12, Spot(1, 2_000)),
    ],
)  # fmt: skip
def test_what_is_on_follows_from_the_clock(at: float, spot: Spot) -> None:
    assert spot_at(playout(*LENGTHS), at) == spot


def test_without_a_loop_it_is_over_after_the_last_item() -> None:
    once = playout(*LENGTHS, loops=False)
    assert spot_at(once, 1_034.9) == Spot(2, 19_900)
    assert spot_at(once, 1_035.0) is None
    assert spot_at(playout(0, 0), 1_000.0) is None


@pytest.mark.parametrize("track", [VIDEO, AUDIO, OPUS])
def test_a_track_is_read_as_it_was_written(track: Track) -> None:
    found = track_of(read_init(init_segment(track)))
    assert found == msgspec.structs.replace(track, fps=0.0)


def test_an_initialisation_of_something_else_is_refused() -> None:
    head = read_init(init_segment(AUDIO))
    for entry in (
        head.entry.replace(b"mp4a", b"ac-3"),
        head.entry.replace(b"\x05\x80\x80\x80\x02", b"\x09\x80\x80\x80\x02"),
    ):
        with pytest.raises(BadSegment):
            track_of(msgspec.structs.replace(head, entry=entry))


def segment(track: Track, from_s: float, count: int, each_s: float) -> bytes:
    ticks = round(each_s * track.timescale)
    first = round(from_s * track.timescale)
    samples = []
    for number in range(count):
        at = first + number * ticks
        samples.append(Sample(dts=at, pts=at, duration=ticks, is_key=number == 0, data=b"x" * 20))
    return chunk(1, samples)


def test_segments_of_an_item_follow_one_another_whatever_their_own_clock_says() -> None:
    head = read_init(init_segment(VIDEO))
    times = ItemTimes(begin_s=7.0)
    first = times.group(0, [(head, segment(VIDEO, 300.0, 50, 0.04), -300_000.0)])
    second = times.group(0, [(head, segment(VIDEO, 302.0, 50, 0.04), -300_000.4)])
    third = times.group(0, [(head, segment(VIDEO, 400.0, 50, 0.04), -396_000.0)])
    units = [placed for group in (first, second, third) for placed in group.units]
    assert [round(placed.unit.dts / 3_600) for placed in units] == list(range(175, 325))
    assert units[0].due_s == 7.0
    assert round(times.end_s, 6) == 13.0


def test_sound_lies_beside_the_picture_as_it_did() -> None:
    video, audio = read_init(init_segment(VIDEO)), read_init(init_segment(AUDIO))
    parts = [(audio, segment(AUDIO, 100.05, 50, 0.02), 0.0), (video, segment(VIDEO, 100.0, 25, 0.04), 0.0)]
    group = ItemTimes(begin_s=0.0).group(3, parts)
    assert group.units[0].unit.kind == "video"
    assert next(placed.due_s for placed in group.units if placed.unit.kind == "audio") == pytest.approx(0.05, abs=0.001)
    assert [placed.due_s for placed in group.units] == sorted(placed.due_s for placed in group.units)
