"""Silent packets last as long as those that they stand for, and decode to silence."""

from __future__ import annotations

import av
import numpy as np
import pytest

from media.hls.silence import CannotSilence, quiet_of
from media.unit import Codec, Track

HEAD = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ticks", [120, 240, 480, 960, 1_920, 2_880, 5_760])
def test_a_silent_packet_of_opus_has_the_length_of_any_packet(ticks: int, channels: int) -> None:
    track = Track(kind="audio", codec=Codec.OPUS, timescale=48_000, config=HEAD, channels=channels)
    decoder = av.CodecContext.create("libopus", "r")
    frames = [frame for data in (quiet_of(track)(ticks),) for frame in decoder.decode(av.Packet(data))]
    assert sum(frame.samples for frame in frames) == ticks
    assert all(np.abs(frame.to_ndarray()).max() < 0.001 for frame in frames)


def test_sound_of_an_unknown_layout_cannot_be_silenced() -> None:
    with pytest.raises(CannotSilence):
        quiet_of(Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\xff\xff"))
