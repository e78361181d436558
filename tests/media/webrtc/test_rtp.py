from __future__ import annotations

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


def test_wall_clock_survives_the_way_through_ntp() -> None:
    assert abs(rtp.ntp_seconds(rtp.ntp_time(1_800_000_000.25)) - 1_800_000_000.25) < 1e-6
