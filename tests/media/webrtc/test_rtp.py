from __future__ import annotations

import struct

import pytest
from aiortc import rtp as other
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import rtp


def test_a_packet_with_extension_sources_and_padding_is_read() -> None:
    packet = other.RtpPacket(payload_type=97, marker=1, sequence_number=7, timestamp=9, ssrc=11, payload=b"media")
    packet.csrc, packet.padding_size = [1, 2], 4
    packet.extensions.rtp_stream_id = "h"
    mapping = other.HeaderExtensionsMap()
    parameters = other.RTCRtpParameters()
    uri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters

    parameters.headerExtensions = [RTCRtpHeaderExtensionParameters(id=5, uri=uri)]
    mapping.configure(parameters)
    parsed = rtp.parse(packet.serialize(mapping))
    assert parsed is not None
    assert (parsed.payload_type, parsed.marker, parsed.sequence, parsed.timestamp, parsed.ssrc) == (97, True, 7, 9, 11)
    assert parsed.payload == b"media"
    assert rtp.header_extension(parsed, 5) == b"h"
    assert rtp.header_extension(parsed, 6) is None


@given(st.binary(max_size=100))
def test_random_bytes_are_read_or_left_alone(data: bytes) -> None:
    packet = rtp.parse(data)
    if packet is not None:
        rtp.header_extension(packet, 3)
    rtp.parse_rtcp(data)


@given(st.sets(st.integers(0, 0xFFFF), min_size=1, max_size=100))
def test_a_nack_names_what_was_lost(lost: set[int]) -> None:
    data = rtp.nack(sender=1, media=2, sequences=sorted(lost))
    (read,) = rtp.parse_rtcp(data)
    assert isinstance(read, rtp.Nack)
    assert set(read.sequences) == lost
    (theirs,) = other.RtcpPacket.parse(data)
    assert {n & 0xFFFF for n in theirs.lost} == lost


def test_reports_are_understood_by_another_implementation() -> None:
    block = rtp.ReportBlock(ssrc=3, fraction_lost=25, lost=-2, highest=70_000, jitter=4, last_sr=5, since_sr=6)
    report = other.RtcpPacket.parse(rtp.receiver_report(sender=1, blocks=[block]))[0]
    assert report.reports[0].packets_lost == -2
    assert (report.reports[0].fraction_lost, report.reports[0].highest_sequence) == (25, 70_000)
    compound = rtp.sender_report(ssrc=1, ntp=1 << 40, timestamp=5, packets=6, octets=7)
    compound += rtp.source_description(ssrc=1, cname="name") + rtp.bye([1, 2])
    sender, description, goodbye = other.RtcpPacket.parse(compound)
    assert (sender.sender_info.ntp_timestamp, sender.sender_info.octet_count) == (1 << 40, 7)
    assert description.chunks[0].items[0] == (1, b"name")
    assert goodbye.sources == [1, 2]
    assert rtp.parse_rtcp(compound) == [rtp.SenderReport(1, 1 << 40, 5), rtp.Bye((1, 2))]


def test_the_bitrate_message_is_understood_by_another_implementation() -> None:
    (message,) = other.RtcpPacket.parse(rtp.remb(sender=1, media=[8, 9], bitrate=12_000_000))
    bitrate, ssrcs = other.unpack_remb_fci(message.fci)
    assert abs(bitrate - 12_000_000) < 100
    assert ssrcs == [8, 9]


def test_key_frames_are_asked_for_by_either_message() -> None:
    assert rtp.parse_rtcp(rtp.pli(sender=1, media=7)) == [rtp.KeyframeRequest(7)]
    fir = other.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=bytes((0, 0, 0, 7, 1, 0, 0, 0)))
    assert rtp.parse_rtcp(bytes(fir)) == [rtp.KeyframeRequest(7)]


def packet(first: int = 0x80, rest: bytes = b"", *, second: int = 96) -> bytes:
    return struct.pack("!BBHLL", first, second, 7, 9, 11) + rest


def payload_of(data: bytes) -> bytes | None:
    parsed = rtp.parse(data)
    return None if parsed is None else parsed.payload


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (b"\x80\xbf", False),
        (b"\x80\xc0", True),
        (b"\x80\xdf", True),
        (b"\x80\xe0", False),
        (b"\x80", False),
        (b"", False),
    ],
)
def test_rtcp_is_told_from_rtp_by_its_second_byte(data: bytes, is_it: bool) -> None:
    assert rtp.is_rtcp(data) is is_it


def test_header_without_anything_after_it_is_a_packet() -> None:
    assert rtp.parse(packet()) == rtp.RtpPacket(96, False, 7, 9, 11, b"", 0, b"")
    assert rtp.parse(packet(second=127 + 128)) == rtp.RtpPacket(127, True, 7, 9, 11, b"", 0, b"")
    assert rtp.parse(packet(second=128)) == rtp.RtpPacket(0, True, 7, 9, 11, b"", 0, b"")
    assert rtp.parse(packet()[:-1]) is None


@pytest.mark.parametrize("version", [0, 1, 3])
def test_packet_of_another_version_is_left_alone(version: int) -> None:
    assert rtp.parse(packet(version << 6, bytes(20))) is None


def test_contributing_sources_are_skipped_and_must_be_there() -> None:
    assert payload_of(packet(0x8F, bytes(60) + b"media")) == b"media"
    assert payload_of(packet(0x8F, bytes(60))) == b""
    assert payload_of(packet(0x8F, bytes(59))) is None


def test_header_extension_must_be_there_as_far_as_it_says() -> None:
    extended = b"\xbe\xde\0\2" + b"extensio"
    parsed = rtp.parse(packet(0x91, b"csrc" + extended + b"media"))
    assert parsed is not None
    assert (parsed.profile, parsed.extension, parsed.payload) == (0xBEDE, b"extensio", b"media")
    assert payload_of(packet(0x90, extended)) == b""
    assert payload_of(packet(0x90, b"\xbe\xde\0\0")) == b""
    assert all(rtp.parse(packet(0x90, extended[:size])) is None for size in range(len(extended)))


def test_padding_is_cut_off_and_cannot_be_more_than_there_is() -> None:
    assert payload_of(packet(0xA0, b"media\1")) == b"media"
    assert payload_of(packet(0xA0, b"media\0\0\3")) == b"media"
    assert payload_of(packet(0xA0, b"\0\0\0\4")) == b""
    assert payload_of(packet(0xA0, b"\0\0\0\5")) is None
    assert payload_of(packet(0xA0, b"media\0")) is None
    assert payload_of(packet(0x80, b"media\0")) == b"media\0"


def element(profile: int, extension: bytes, wanted: int) -> bytes | None:
    return rtp.header_extension(rtp.RtpPacket(96, False, 7, 9, 11, b"", profile, extension), wanted)


def test_elements_of_the_one_byte_form_are_found_behind_others_and_padding() -> None:
    extension = b"\x10a" + b"\0\0" + b"\x23bcde" + b"\0" + b"\xe0f"
    assert [element(0xBEDE, extension, name) for name in (1, 2, 14, 3)] == [b"a", b"bcde", b"f", None]


@pytest.mark.parametrize("profile", [0x1000, 0x100F])
def test_elements_of_the_two_byte_form_are_found_behind_others_and_padding(profile: int) -> None:
    extension = b"\1\0" + b"\0\0" + b"\2\4bcde" + b"\0" + b"\xff\1f"
    assert [element(profile, extension, name) for name in (1, 2, 255, 3)] == [b"", b"bcde", b"f", None]


def test_element_of_two_bytes_that_is_cut_off_is_not_found() -> None:
    assert element(0x1000, b"\2\0\5", 5) is None
    assert element(0x1000, b"\2\0\5\0", 5) == b""


@pytest.mark.parametrize("profile", [0, 0x0FFF, 0x1010, 0x2000, 0xBEDF])
def test_extension_of_another_profile_has_no_elements(profile: int) -> None:
    assert element(profile, b"\x10a\0\0", 1) is None
    assert element(profile, b"\1\1a\0", 1) is None


def rtcp(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


BLOCK = rtp.ReportBlock(ssrc=7, fraction_lost=0, lost=0, highest=0, jitter=0, last_sr=0, since_sr=0)
LOSING = rtp.ReportBlock(ssrc=7, fraction_lost=26, lost=-3, highest=70_000, jitter=90, last_sr=5, since_sr=6)
FROM, ABOUT = (5).to_bytes(4, "big"), (7).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("data", "feedback"),
    [
        (rtcp(200, 0, FROM + bytes(7) + b"\x0a" + bytes(3) + b"\x0b" + bytes(8)), rtp.SenderReport(5, 10, 11)),
        (rtcp(200, 0, FROM + bytes(16)), None),
        (rtcp(201, 0, FROM), rtp.ReceiverReport(5)),
        (rtcp(201, 1, FROM + ABOUT + bytes(20)), rtp.ReceiverReport(5, (BLOCK,))),
        (rtcp(201, 1, FROM + LOSING.encode()), rtp.ReceiverReport(5, (LOSING,))),
        (rtcp(202, 0, FROM), None),
        (rtcp(203, 1, FROM), rtp.Bye((5,))),
        (rtcp(203, 2, FROM + ABOUT + b"\3bye"), rtp.Bye((5, 7))),
        (rtcp(203, 3, FROM + ABOUT), rtp.Bye((5, 7))),
        (rtcp(205, 1, FROM + ABOUT + b"\0\1\0\0"), rtp.Nack(7, (1,))),
        (rtcp(205, 1, FROM + ABOUT), None),
        (rtcp(205, 15, FROM + ABOUT + bytes(8)), None),
        (rtcp(206, 1, FROM + ABOUT), rtp.KeyframeRequest(7)),
        (rtcp(206, 1, FROM + ABOUT + bytes(8)), rtp.KeyframeRequest(7)),
        (rtcp(206, 1, FROM), None),
        (rtcp(206, 4, FROM + bytes(4) + ABOUT + bytes(4)), rtp.KeyframeRequest(7)),
        (rtcp(206, 4, FROM + bytes(4) + b"\xff\1\2\3" + bytes(4)), rtp.KeyframeRequest(0xFF010203)),
        (rtcp(206, 4, FROM + bytes(4) + ABOUT), None),
        (rtcp(206, 15, FROM + ABOUT + bytes(8)), None),
        (rtcp(204, 1, FROM + ABOUT + bytes(8)), None),
    ],
)
def test_each_kind_of_feedback_is_read_if_it_is_whole(data: bytes, feedback: rtp.Feedback | None) -> None:
    assert rtp.parse_rtcp(data) == ([] if feedback is None else [feedback])


def test_malformed_rest_of_a_compound_packet_is_left_out() -> None:
    whole = rtp.pli(sender=5, media=7)
    other_version = b"\x41" + whole[1:]
    assert rtp.parse_rtcp(whole * 2) == [rtp.KeyframeRequest(7)] * 2
    assert rtp.parse_rtcp(whole + other_version + whole) == [rtp.KeyframeRequest(7)]
    assert all(rtp.parse_rtcp(whole + whole[:size]) == [rtp.KeyframeRequest(7)] for size in range(len(whole)))


def test_more_than_32_packets_in_one_are_left_out() -> None:
    assert len(rtp.parse_rtcp(rtp.pli(sender=5, media=7) * 33)) == 32


def test_nack_names_its_source_and_16_packets_more_with_one_item() -> None:
    assert rtp.nack(sender=5, media=7, sequences=[1, 2, 17])[12:] == b"\0\1\x80\1"
    assert rtp.nack(sender=5, media=7, sequences=[1, 18])[12:] == b"\0\1\0\0" + b"\0\x12\0\0"
    assert rtp.nack(sender=5, media=7, sequences=[0xFFFF, 0])[12:] == b"\xff\xff\0\1"
    assert rtp.nack(sender=5, media=7, sequences=[0, 1])[12:] == b"\0\0\0\1"
    assert rtp.nack(sender=5, media=7, sequences=[]) == rtcp(205, 1, FROM + ABOUT)


def test_nack_from_a_stranger_names_256_packets_at_most_and_wraps() -> None:
    (read,) = rtp.parse_rtcp(rtcp(205, 1, FROM + ABOUT + b"\xff\xff\x80\1"))
    assert read == rtp.Nack(7, (0xFFFF, 0, 15))
    (read,) = rtp.parse_rtcp(rtcp(205, 1, FROM + ABOUT + b"\0\0\xff\xff" * 20))
    assert read == rtp.Nack(7, (*range(17),) * 15 + (0,))


def encoded(**numbers: int) -> tuple[int, ...]:
    known = {"ssrc": 3, "fraction_lost": 0, "lost": 0, "highest": 0, "jitter": 0, "last_sr": 0, "since_sr": 0}
    return struct.unpack("!6L", rtp.ReportBlock(**{**known, **numbers}).encode())


def test_report_of_a_long_session_stays_within_its_fields() -> None:
    assert encoded(fraction_lost=255, lost=1 << 23)[1] == 0xFF7FFFFF
    assert encoded(lost=(1 << 23) - 2)[1] == 0x007FFFFE
    assert encoded(lost=-(1 << 23) + 1)[1] == 0x00800001
    assert encoded(lost=-(1 << 23) - 5)[1] == 0x00800000
    assert encoded(highest=(1 << 32) + 70_000)[2] == 70_000
    assert encoded(highest=(1 << 32) - 1)[2] == (1 << 32) - 1


def test_report_18_hours_after_the_last_of_the_sender_is_still_a_report() -> None:
    assert encoded(since_sr=65_535 << 16)[5] == 65_535 << 16
    assert encoded(since_sr=(1 << 32) - 1)[5] == (1 << 32) - 1
    assert encoded(since_sr=65_537 << 16)[5] == (1 << 32) - 1


def test_counts_of_a_sender_wrap() -> None:
    most = (1 << 32) - 1
    data = rtp.sender_report(ssrc=1, ntp=2, timestamp=most, packets=most, octets=most)
    assert struct.unpack("!LQLLL", data[4:]) == (1, 2, most, most, most)
    data = rtp.sender_report(ssrc=1, ntp=2, timestamp=most + 4, packets=most + 5, octets=most + 6)
    assert struct.unpack("!LQLLL", data[4:]) == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 255, 300])
def test_description_of_any_length_ends_with_a_zero_byte_in_whole_words(size: int) -> None:
    data = rtp.source_description(ssrc=5, cname="n" * size)
    kept = min(size, 255)
    assert data[:2] == b"\x81\xca"
    assert data[4:10] == FROM + bytes((1, kept))
    assert data[10:].rstrip(b"\0") == b"n" * kept
    assert data[10 + kept :] in (b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\0")
    assert len(data) == 4 + 4 * int.from_bytes(data[2:4], "big")


@pytest.mark.parametrize("bitrate", [0, 1, 1000, (1 << 18) - 1, 1 << 18, 3 << 40])
def test_bitrate_that_18_bits_can_say_is_said_exactly(bitrate: int) -> None:
    data = rtp.remb(sender=5, media=[8], bitrate=bitrate)
    (message,) = other.RtcpPacket.parse(data)
    assert (message.fmt, message.ssrc, message.media_ssrc) == (15, 5, 0)
    assert other.unpack_remb_fci(message.fci) == (bitrate, [8])


def test_ntp_counts_from_1900() -> None:
    assert rtp.ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert rtp.ntp_seconds(2_208_988_800 << 32) == 0


def test_wall_clock_survives_the_way_through_ntp() -> None:
    assert abs(rtp.ntp_seconds(rtp.ntp_time(1_800_000_000.25)) - 1_800_000_000.25) < 1e-6
