"""When frames were captured, and what is known of a publisher's way here."""

from __future__ import annotations

import struct

import pytest

from media.webrtc import rtp
from media.webrtc.capture import PublisherClock, SourceCaptures, credible
from tests.media.webrtc.test_ingest import Taken, audio, ingest, video

SENDER_AT = 1_000.0
"""The publisher's wall clock: one that was never set."""
NUMBER = 6


def with_capture(packet: bytes, value: bytes) -> bytes:
    element = bytes((NUMBER << 4 | len(value) - 1,)) + value
    element += bytes(-len(element) % 4)
    head = b"\xbe\xde" + (len(element) // 4).to_bytes(2, "big")
    return bytes((packet[0] | 0x10,)) + packet[1:12] + head + element + packet[12:]


def since_reference(ssrc: int, told: bytes, kept: int) -> bytes:
    """The answer of a sender that has kept the reference time of ``told`` for so long (1/65,536 s)."""
    at = told.index(b"\x80\xcf\x00\x04") + 12
    return struct.pack("!BBHLBBHLLL", 0x80, 207, 5, 1, 5, 0, 3, ssrc, *struct.unpack_from("!L", told, at + 2), kept)


def stated(offset: bytes = b"") -> bytes:
    return rtp.ntp_time(SENDER_AT).to_bytes(8, "big") + offset


def test_what_is_stated_holds_for_a_while_and_reports_tell_otherwise() -> None:
    captures = SourceCaptures(rate=90_000)
    assert captures.at(0, reported_s=None) is None
    assert captures.at(90_000, reported_s=7.0) == 8.0
    captures.stated(90_000, stated())
    assert captures.at(90_000 + 45_000, reported_s=7.0) == SENDER_AT + 0.5
    assert captures.at(90_000 * 10, reported_s=7.0) == 17.0
    captures.stated(0, stated((-(1 << 31)).to_bytes(8, "big", signed=True)))
    assert captures.at(0, reported_s=7.0) == SENDER_AT - 0.5, "captured elsewhere: that clock is half a second ahead"
    for malformed in (b"", b"1234567", stated()[:4]):
        captures.stated(0, malformed)
    assert captures.at(0, reported_s=None) == SENDER_AT - 0.5


def test_a_clock_is_known_by_the_report_that_came_fastest_less_half_a_round_trip() -> None:
    clock = PublisherClock()
    clock.reported(0, 5.0)
    assert clock.here(SENDER_AT) is None, "a sender without a clock"
    clock.reported(rtp.ntp_time(SENDER_AT), 5.3)
    clock.reported(rtp.ntp_time(SENDER_AT + 1), 6.1)
    assert clock.here(SENDER_AT) == pytest.approx(5.1)
    clock.round_trip_s = 0.08
    assert clock.here(SENDER_AT) == pytest.approx(5.06)


def test_a_time_that_cannot_be_is_not_believed_and_none_is_in_the_future() -> None:
    assert credible(None, 50.0) is credible(39.0, 50.0) is credible(61.0, 50.0) is None
    assert (credible(49.9, 50.0), credible(50.1, 50.0)) == (49.9, 50.0)


def test_units_say_when_they_were_captured_by_the_extension_the_reports_and_the_round_trip() -> None:
    publication = Taken()
    made, wire = ingest(publication, capture_extension=NUMBER)
    packets = video(frames=10)
    for packet in packets[:1]:
        made.on_rtp(packet, 0.0)
    made.on_tick(1.0)
    ssrc = int.from_bytes(wire.sent[-1][4:8], "big")
    report = rtp.sender_report(ssrc=1, ntp=rtp.ntp_time(SENDER_AT), timestamp=0, packets=1, octets=1)
    made.on_rtcp(report, 1.02)
    for packet in audio(1):
        made.on_rtp(packet, 1.02)
    for packet in packets[1:]:
        made.on_rtp(with_capture(packet, stated()) if packet is packets[1] else packet, 1.1)
    told = [unit for unit in publication.units if unit.kind == "video" and unit.captured_at is not None]
    assert told
    assert told[0].at - (told[0].captured_at or 0) == pytest.approx(1.1 - 1.02, abs=1e-6)
    assert made.statistics.latency_s is not None

    answer = since_reference(ssrc, wire.sent[-1], 0)
    made.on_rtcp(answer, 1.2)
    assert made.statistics.rtt_s is not None
    assert 0 <= made.statistics.rtt_s < 30
    before = made.statistics.rtt_s
    made.on_rtcp(since_reference(ssrc ^ 1, wire.sent[-1], 7), 1.2)
    assert made.statistics.rtt_s == before, "what is another's says nothing of ours"


@pytest.mark.parametrize("cut", range(0, 24, 3))
def test_extended_reports_may_be_cut_anywhere(cut: int) -> None:
    whole = struct.pack("!BBHLBBHLLL", 0x80, 207, 5, 1, 5, 0, 3, 2, 3, 4)
    assert rtp.parse_rtcp(whole) == [rtp.SinceReference(2, 3, 4)]
    lying = whole[:2] + struct.pack("!H", max(0, cut // 4 - 1)) + whole[4:cut]
    assert rtp.parse_rtcp(lying) == []
