"""Opus' header and the durations of its packets."""

from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp.codecs.opus import opus_head, opus_samples, opus_track


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\xfc", 960),
        (b"\xe0", 120),
        (b"\xfd", 1920),
        (b"\x1b\2", 5760),
        (b"\x60", 480),
        (b"\xff\3", 2880),
        (b"\x08", 960),
    ],
)
def test_opus_durations(packet: bytes, samples: int) -> None:
    assert opus_samples(packet) == samples


@pytest.mark.parametrize("packet", [b"", b"\xff", b"\xff\0", b"\x1b\3"])
def test_impossible_opus_durations_are_protocol_errors(packet: bytes) -> None:
    with pytest.raises(ProtocolError):
        opus_samples(packet)


def test_made_opus_head_says_what_the_packet_says() -> None:
    assert opus_track(opus_head(b"\xfc")).channels == 2
    assert opus_track(opus_head(b"\x08")).channels == 1
    with pytest.raises(ProtocolError):
        opus_track(b"OpusHead")
