from __future__ import annotations

import random

from media.unit import Codec
from media.webrtc import h264
from media.webrtc.inbound import Frame, Unwrapper, VideoReceiver
from media.webrtc.jitter import JitterBuffer, Reception
from media.webrtc.rtp import RtpPacket, SenderReport
from tests.media.webrtc.test_h264 import encoded

SETS = [nal for nal in encoded("baseline") if h264.nal_type(nal) in {h264.SPS, h264.PPS}]
KEY = bytes((0x65,)) + bytes(range(256)) * 16
DELTA = bytes((0x41,)) + bytes(range(256)) * 10


def packet(sequence: int, timestamp: int = 0, payload: bytes = b"x", *, marker: bool = False) -> RtpPacket:
    return RtpPacket(97, marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 1, payload, 0, b"")


def movie(frames: int, *, key_every: int = 5) -> list[RtpPacket]:
    made: list[RtpPacket] = []
    for number in range(frames):
        is_key = number % key_every == 0
        payloads = h264.packetize([KEY if is_key else DELTA], parameter_sets=SETS if is_key else ())
        for index, payload in enumerate(payloads):
            made.append(packet(65_530 + len(made), 3_000 * number, payload, marker=index == len(payloads) - 1))
    return made


def receive(packets: list[RtpPacket], *, lost: set[int] = frozenset()) -> tuple[list[Frame], VideoReceiver]:  # type: ignore[assignment]
    receiver, frames, was_lost = VideoReceiver(codec=Codec.H264), [], False
    for index, one in enumerate(packets):
        if index in lost:
            was_lost = True
            continue
        frames += receiver.push(one, was_lost)
        was_lost = False
    return frames, receiver


def test_frames_come_out_with_their_size_and_key() -> None:
    frames, _ = receive(movie(6))
    assert [frame.is_key for frame in frames] == [True, False, False, False, False, True]
    assert [frame.ticks for frame in frames] == [3_000 * n for n in range(6)]
    assert h264.split_avcc(frames[0].data) == [KEY]
    assert (frames[0].track.width, frames[0].track.height) == (322, 182)


def test_nothing_comes_before_the_first_key_frame() -> None:
    packets = movie(10)
    first_of_second_frame = next(i for i, p in enumerate(packets) if p.timestamp == 3_000)
    frames, receiver = receive(packets[first_of_second_frame:])
    assert [frame.ticks for frame in frames] == [15_000 + 3_000 * n for n in range(5)]
    assert receiver.wants_key


def test_every_loss_costs_exactly_the_frames_up_to_the_next_key_frame() -> None:
    packets = movie(15)
    whole, _ = receive(packets)
    for index in range(len(packets) - 1):
        frames, receiver = receive(packets, lost={index})
        hit = packets[index].timestamp // 3_000
        next_key = (hit // 5 + 1) * 5
        got = {frame.ticks // 3_000 for frame in frames}
        assert got >= set(range(hit)) | set(range(next_key, 15)) - {hit}
        assert hit not in got
        assert not got & set(range(hit, next_key))
        assert receiver.wants_key
        assert all(frame in whole for frame in frames)


def test_the_buffer_puts_packets_in_order_and_drops_what_comes_twice() -> None:
    packets = [packet(65_500 + n) for n in range(100)]
    shuffled = packets[:1] + packets[1:] * 2
    chosen = random.Random(1)
    for start in range(1, len(shuffled), 8):
        part = shuffled[start : start + 8]
        chosen.shuffle(part)
        shuffled[start : start + 8] = part
    buffer, out = JitterBuffer(wait_s=1, max_packets=64), []
    for one in shuffled:
        buffer.push(one, 0.0)
        while (popped := buffer.pop(0.0)) is not None:
            assert not popped[1]
            out.append(popped[0].sequence)
    assert out == [one.sequence for one in packets]


def test_a_gap_is_asked_for_again_and_given_up_in_time() -> None:
    buffer = JitterBuffer(wait_s=0.3, max_packets=64, ask_every_s=0.05)
    buffer.push(packet(1), 0.0)
    assert buffer.pop(0.0) is not None
    buffer.push(packet(4), 0.0)
    assert buffer.to_ask(0.0) == [2, 3]
    assert buffer.to_ask(0.01) == []
    assert buffer.to_ask(0.06) == [2, 3]
    assert buffer.pop(0.2) is None
    popped = buffer.pop(0.31)
    assert popped is not None
    assert (popped[0].sequence, popped[1], buffer.lost_packets) == (4, True, 2)


def test_what_waits_behind_a_gap_is_bounded() -> None:
    buffer = JitterBuffer(wait_s=1_000, max_packets=8)
    buffer.push(packet(0), 0.0)
    assert buffer.pop(0.0) is not None
    for number in range(2, 11):
        buffer.push(packet(number), 0.0)
    popped = buffer.pop(0.0)
    assert popped is not None
    assert popped[1]


def test_a_jump_in_the_numbers_starts_anew() -> None:
    buffer = JitterBuffer(wait_s=1, max_packets=64)
    buffer.push(packet(100), 0.0)
    buffer.pop(0.0)
    buffer.push(packet(20_000), 0.0)
    popped = buffer.pop(0.0)
    assert popped is not None
    assert popped[0].sequence == 20_000


def test_reception_reports_loss_over_the_roll_over() -> None:
    reception = Reception(ssrc=1, clock_rate=90_000)
    for number in range(65_530, 65_630):
        if number % 4:
            reception.add(packet(number, number), number / 100)
    reception.on_report(SenderReport(1, 0x1_2345_0000, 0), 10.0)
    block = reception.block(10.5)
    assert (block.lost, block.fraction_lost) == (25, 64)
    assert block.highest == 65_629
    assert (block.last_sr, block.since_sr) == (0x12345, 32_768)


def test_timestamps_go_on_over_the_wrap() -> None:
    unwrapper = Unwrapper()
    start = 0xFFFFFF00
    assert [unwrapper.unwrap((start + n * 100) & 0xFFFFFFFF) - start for n in range(6)] == [0, 100, 200, 300, 400, 500]
