"""Coded silence decodes to silence, in every layout."""

from __future__ import annotations

import av
import pytest

from media.hls.silence import silence
from media.transcode.tracks import opus_track
from media.unit import Codec, Track


def aac(*, object_type: int = 2, layout: int = 2) -> Track:
    config = (object_type << 11 | 3 << 7 | layout << 3).to_bytes(2, "big")
    return Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=config, sample_rate=48_000)


def decoded(track: Track, count: int = 5) -> tuple[int, float, int]:
    """Channels, the loudest sample of the first two, and samples a packet. PyAV can't read all planes of eight."""
    made = silence(track)
    assert made is not None
    decoder = av.CodecContext.create("aac" if track.codec is Codec.AAC else "libopus", "r")
    decoder.extradata = track.config
    frames = [frame for _ in range(count) for frame in decoder.decode(av.Packet(made.data))]
    form = "f" if "flt" in frames[0].format.name else "h"
    loudest = max(abs(x) for f in frames for plane in f.planes[:2] for x in memoryview(bytes(plane)).cast(form))
    return frames[-1].layout.nb_channels, loudest, frames[-1].samples


@pytest.mark.parametrize(("layout", "channels"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 8)])
def test_aac_silence_of_each_layout_decodes_to_nothing(layout: int, channels: int) -> None:
    assert decoded(aac(layout=layout)) == (channels, 0, 1024)


@pytest.mark.parametrize("channels", [1, 2])
def test_opus_silence_decodes_to_nothing(channels: int) -> None:
    assert decoded(opus_track(channels)) == (channels, 0, 960)


def test_what_a_silent_packet_lasts_is_in_ticks_of_the_track() -> None:
    half_rate = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\x13\x10", sample_rate=48_000)
    assert [made.ticks for track in (aac(), half_rate) if (made := silence(track))] == [1024, 2048]


@pytest.mark.parametrize(
    "track",
    [
        aac(layout=0),
        aac(object_type=23),
        Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b""),
        Track(kind="video", codec=Codec.H264, timescale=90_000),
    ],
)
def test_what_is_not_known_has_no_silence(track: Track) -> None:
    assert silence(track) is None
