"""What packets to viewers say beside their header."""

from __future__ import annotations

import pytest

from media.webrtc import capture, rtp
from media.webrtc.extensions import SEND_TIME_EXTENSION, sent_extensions
from media.webrtc.sdp import MID_EXTENSION

AT = 1_700_000_000.25
OFFERED = {MID_EXTENSION: 9, SEND_TIME_EXTENSION: 2}


def read(extension: bytes) -> rtp.RtpPacket:
    packet = rtp.parse(rtp.HEADER.pack(0x90, 96, 1, 2, 3) + extension + b"picture")
    assert packet is not None
    assert packet.payload == b"picture"
    return packet


def test_the_time_is_24_bits_of_6_18_fixed_point_and_the_mid_stands_beside() -> None:
    packet = read(sent_extensions(OFFERED, mid="v0", with_time=True).encode(64.5 + 1))
    assert rtp.header_extension(packet, 2) == (3 << 17).to_bytes(3, "big")
    assert rtp.header_extension(packet, 9) == b"v0"


def test_without_the_time_every_packet_has_the_same_extension() -> None:
    sent = sent_extensions(OFFERED, mid="0", with_time=False)
    assert sent.uris == (MID_EXTENSION,)
    assert sent.encode(1.0) == sent.encode(2.0) == bytes.fromhex("bede000190300000")


@pytest.mark.parametrize("offered", [{}, {MID_EXTENSION: 15}, {MID_EXTENSION: 200, SEND_TIME_EXTENSION: 15}])
def test_what_the_short_form_cannot_say_is_left_out(offered: dict[str, int]) -> None:
    sent = sent_extensions(offered, mid="0", with_time=True)
    assert (sent.uris, sent.encode(1.0)) == ((), b"")


def test_a_mid_that_is_too_long_or_missing_is_left_out() -> None:
    for mid in ("", "m" * 17):
        assert sent_extensions(OFFERED, mid=mid, with_time=True).uris == (SEND_TIME_EXTENSION,)


def test_when_a_frame_was_captured_is_said_beside_by_a_clock_that_is_our_own() -> None:
    sent = sent_extensions({**OFFERED, capture.EXTENSION: 13}, mid="0", with_time=True)
    assert sent.uris == (MID_EXTENSION, SEND_TIME_EXTENSION, capture.EXTENSION)
    packet = read(sent.encode(1.0, AT))
    assert rtp.header_extension(packet, 13) == rtp.ntp_time(AT).to_bytes(8, "big") + bytes(8)
    assert rtp.header_extension(read(sent.encode(1.0)), 13) is None
