"""What a receiver of sound or picture makes of single packets."""

from __future__ import annotations

import pytest

from media.unit import Codec
from media.webrtc import h264
from media.webrtc.inbound import Frame, OpusReceiver, VideoReceiver
from tests.media.webrtc.test_inbound import DELTA, KEY, SETS, packet

VP8_KEY = b"\x10\x00\x00\x9d\x01\x2a" + (320).to_bytes(2, "little") + (180).to_bytes(2, "little") + b"key"
VP8_DELTA = b"\x11\x00\x00delta-frame"
STARTS, CONTINUES = b"\x10", b"\x00"


def h264_receiver() -> VideoReceiver:
    """One that has had a key frame with its parameter sets, at tick 0."""
    receiver = VideoReceiver(codec=Codec.H264)
    for nal in SETS:
        assert receiver.push(packet(1, 0, nal), False) == []
    assert len(receiver.push(packet(2, 0, b"\x65key", marker=True), False)) == 1
    return receiver


def vp8_receiver() -> VideoReceiver:
    receiver = VideoReceiver(codec=Codec.VP8)
    assert len(receiver.push(packet(1, 0, STARTS + VP8_KEY, marker=True), False)) == 1
    return receiver


def test_an_opus_track_has_the_head_of_rfc_7845() -> None:
    receiver = OpusReceiver()
    assert receiver.track.config == b"OpusHead" + bytes((1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0))
    assert (receiver.track.timescale, receiver.track.sample_rate, receiver.track.channels) == (48_000, 48_000, 2)


def test_every_opus_packet_with_content_is_a_key_frame_and_none_needs_one() -> None:
    receiver = OpusReceiver()
    assert receiver.push(packet(1, 960, b""), False) == []
    assert receiver.push(packet(2, 1_920, b"opus"), True) == [Frame("audio", 1_920, True, b"opus", receiver.track)]
    assert not receiver.wants_key


@pytest.mark.parametrize("codec", [Codec.H264, Codec.VP8])
def test_a_receiver_begins_without_a_wish_and_wants_a_key_frame_at_the_first_other_one(codec: Codec) -> None:
    receiver = VideoReceiver(codec=codec)
    assert (receiver.wants_key, receiver.dropped_frames) == (False, 0)
    payload = DELTA if codec is Codec.H264 else STARTS + VP8_DELTA
    assert receiver.push(packet(1, 0, payload, marker=True), False) == []
    assert receiver.wants_key


def test_a_key_frame_fulfils_the_wish_and_later_frames_go_on() -> None:
    receiver = h264_receiver()
    assert (receiver.wants_key, receiver.dropped_frames) == (False, 0)
    (frame,) = receiver.push(packet(3, 3_000, b"\x41delta", marker=True), False)
    assert (frame.ticks, frame.is_key, h264.split_avcc(frame.data)) == (3_000, False, [b"\x41delta"])


def test_frames_after_a_loss_are_dropped_and_counted_up_to_the_next_key_frame() -> None:
    receiver = h264_receiver()
    assert receiver.push(packet(4, 3_000, b"\x41lost before", marker=True), True) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 1)
    receiver.wants_key = False
    assert receiver.push(packet(5, 6_000, b"\x41whole", marker=True), False) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 2)
    assert len(receiver.push(packet(6, 9_000, b"\x65key", marker=True), False)) == 1
    assert len(receiver.push(packet(7, 12_000, b"\x41next", marker=True), False)) == 1


def test_a_loss_before_the_first_packet_costs_that_frame_alone() -> None:
    receiver = VideoReceiver(codec=Codec.H264)
    assert receiver.push(packet(1, 0, DELTA, marker=True), True) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 1)


def test_a_key_frame_after_a_loss_counts_where_it_can_be_seen_to_begin() -> None:
    receiver = h264_receiver()
    first, *others = h264.packetize([b"\x65key"], parameter_sets=SETS)
    assert receiver.push(packet(9, 6_000, first), True) == []
    (frame,) = receiver.push(packet(10, 6_000, others[0], marker=True), False)
    assert frame.is_key
    assert vp8_receiver().push(packet(9, 6_000, STARTS + VP8_KEY, marker=True), True)[0].is_key
    assert vp8_receiver().push(packet(9, 6_000, CONTINUES + VP8_KEY, marker=True), True) == []


def test_a_vp8_frame_whose_first_packet_after_a_loss_is_empty_is_dropped() -> None:
    receiver = vp8_receiver()
    assert receiver.push(packet(9, 6_000, b""), True) == []
    assert receiver.push(packet(10, 6_000, STARTS + VP8_KEY, marker=True), False) == []
    assert receiver.dropped_frames == 1


def test_a_frame_without_its_marker_ends_with_the_next_timestamp() -> None:
    receiver = h264_receiver()
    assert receiver.push(packet(3, 3_000, b"\x41first"), False) == []
    assert [frame.ticks for frame in receiver.push(packet(4, 6_000, b"\x41second"), False)] == [3_000]
    assert [frame.ticks for frame in receiver.push(packet(5, 9_000, b"\x41third", marker=True), False)] == [
        6_000,
        9_000,
    ]


def test_a_frame_whose_last_fragment_is_missing_is_dropped() -> None:
    receiver = h264_receiver()
    first, *_ = h264.packetize([KEY])
    assert receiver.push(packet(3, 3_000, first, marker=True), False) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 1)


def test_packets_without_a_picture_are_no_frame_and_no_loss() -> None:
    receiver = h264_receiver()
    assert receiver.push(packet(3, 3_000, b"\x06an SEI message", marker=True), False) == []
    assert receiver.push(packet(4, 3_000, b"\x09\xf0", marker=True), False) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (False, 0)
    assert vp8_receiver().push(packet(2, 3_000, b"", marker=True), False) == []


def test_a_key_frame_without_parameter_sets_is_not_passed_on() -> None:
    receiver = VideoReceiver(codec=Codec.H264)
    assert receiver.push(packet(1, 0, b"\x65key", marker=True), False) == []
    assert receiver.wants_key


def test_a_frame_of_the_greatest_size_passes_and_a_larger_one_breaks() -> None:
    receiver = h264_receiver()
    half = b"\x41" + bytes(h264.MAX_FRAME_BYTES // 2 - 1)
    for tick in (3_000, 6_000):
        assert receiver.push(packet(3, tick, half), False) == []
        assert len(receiver.push(packet(4, tick, half, marker=True), False)) == 1
    assert receiver.push(packet(5, 9_000, half), False) == []
    assert receiver.push(packet(6, 9_000, half + b"\0", marker=True), False) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 1)


def test_a_track_stays_the_same_while_its_parameter_sets_do() -> None:
    receiver = h264_receiver()
    (first,) = receiver.push(packet(3, 3_000, b"\x65key", marker=True), False)
    for nal in SETS:
        receiver.push(packet(4, 6_000, nal), False)
    (second,) = receiver.push(packet(5, 6_000, b"\x65key", marker=True), False)
    assert second.track is first.track


def test_a_vp8_frame_is_joined_from_its_packets_and_says_its_size() -> None:
    receiver = VideoReceiver(codec=Codec.VP8)
    assert receiver.push(packet(1, 700, STARTS + VP8_KEY), False) == []
    (frame,) = receiver.push(packet(2, 700, CONTINUES + b"more", marker=True), False)
    assert (frame.ticks, frame.is_key, frame.data) == (700, True, VP8_KEY + b"more")
    assert (frame.track.codec, frame.track.width, frame.track.height) == (Codec.VP8, 320, 180)
    (delta,) = receiver.push(packet(3, 3_700, STARTS + VP8_DELTA, marker=True), False)
    assert (delta.ticks, delta.is_key, delta.data) == (3_700, False, VP8_DELTA)


@pytest.mark.parametrize("starts", [(CONTINUES,), (STARTS, STARTS)])
def test_a_vp8_partition_out_of_place_breaks_the_frame(starts: tuple[bytes, ...]) -> None:
    receiver = vp8_receiver()
    for index, start in enumerate(starts):
        last = index == len(starts) - 1
        assert receiver.push(packet(2 + index, 3_000, start + VP8_DELTA, marker=last), False) == []
    assert (receiver.wants_key, receiver.dropped_frames) == (True, 1)
